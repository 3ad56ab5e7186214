//! `background-sync` and `periodic-background-sync` in `navigator.permissions`.

use background_sync_e2e::Site;
use serde_json::json;

const QUERY: &str = "const state = async (name) => (await navigator.permissions.query({ name })).state; \
    const states = async () => [await state('background-sync'), await state('periodic-background-sync')];";

#[test]
fn pages_and_workers_see_what_the_embedder_has_decided() {
    let site = Site::new(&format!(
        "{QUERY} onmessage = () => states().then((all) => post('/states', all));"
    ));
    let mut kiosk = site.open();
    let states = format!("(() => {{ {QUERY} return states(); }})()");
    assert_eq!(kiosk.settle(&states), Ok(json!(["granted", "denied"])));

    // Of the kiosk: both permissions of the origin.
    kiosk.command(&format!("allow {}", site.server.url("/")));
    assert_eq!(kiosk.settle(&states), Ok(json!(["granted", "granted"])));
    kiosk.evaluate("registration.active.postMessage(0), 0");
    assert_eq!(
        site.server.wait_for(1)[0].body,
        json!(["granted", "granted"])
    );

    kiosk.command(&format!("forbid {}", site.server.url("/")));
    assert_eq!(kiosk.settle(&states), Ok(json!(["denied", "denied"])));
}

#[test]
fn an_unknown_permission_is_a_type_error() {
    let site = Site::new("");
    let mut kiosk = site.open();
    assert_eq!(
        kiosk.settle("navigator.permissions.query({ name: 'background-sink' })"),
        Err("TypeError".to_owned())
    );
}
