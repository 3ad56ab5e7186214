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

/// Tells each change of both permissions, with `say`.
const WATCH: &str = "const watch = async (say) => { \
    for (const name of ['background-sync', 'periodic-background-sync']) { \
      const status = await navigator.permissions.query({ name }); \
      status.onchange = () => say(`${name} ${status.state}`); } };";

#[test]
fn pages_and_workers_hear_of_changes() {
    let site = Site::new(&format!(
        "{WATCH} onmessage = (event) => event.waitUntil( \
           watch((text) => post('/service-worker', text)).then(() => event.source.postMessage('')));"
    ));
    site.server.serve(
        "/dedicated.js",
        "text/javascript",
        &format!("{WATCH} watch((text) => postMessage(text)).then(() => postMessage('watches'));"),
    );
    let mut kiosk = site.open();
    kiosk
        .settle(&format!(
            "(() => {{ {WATCH} return watch((text) => console.log(`page: ${{text}}`)); }})()"
        ))
        .expect("it watches");
    kiosk
        .settle(
            "new Promise((resolve) => { window.dedicated = new Worker('/dedicated.js'); \
               dedicated.onmessage = (event) => { if (event.data === 'watches') resolve(); \
                 else console.log(`dedicated: ${event.data}`); }; })",
        )
        .expect("it watches");
    kiosk
        .settle(
            "new Promise((resolve) => { navigator.serviceWorker.onmessage = () => resolve(); \
               registration.active.postMessage(''); })",
        )
        .expect("it watches");
    // Nothing of what script was given but did not keep is collected with its listener.
    kiosk.evaluate("window.gc?.(), 0");
    // `background-sync` was granted before.
    kiosk.command(&format!("allow {}", site.server.url("/")));
    for who in ["page", "dedicated"] {
        kiosk.wait_for_console(&format!("{who}: periodic-background-sync granted"));
    }
    let told: Vec<_> = site
        .server
        .wait_for(1)
        .into_iter()
        .map(|it| it.body)
        .collect();
    assert_eq!(told, ["periodic-background-sync granted"]);

    kiosk.command("forbid https://another.example/");
    kiosk.command(&format!("forbid {}", site.server.url("/")));
    for who in ["page", "dedicated"] {
        for name in ["background-sync", "periodic-background-sync"] {
            kiosk.wait_for_console(&format!("{who}: {name} denied"));
        }
    }
    assert_eq!(site.server.wait_for(3).len(), 3);
    let of_page = |event: &&serde_json::Value| {
        let text = event["text"].as_str();
        text.is_some_and(|text| text.starts_with("page: "))
    };
    assert_eq!(kiosk.seen().iter().filter(of_page).count(), 3);
}
