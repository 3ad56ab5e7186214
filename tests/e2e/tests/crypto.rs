//! `crypto`, which apps name their messages with, in pages and in service workers.

use background_sync_e2e::Site;
use serde_json::json;

const NAMES: &str = "(async () => [typeof crypto.randomUUID(), \
    crypto.getRandomValues(new Uint8Array(4)).length, \
    new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array([97])))[0]])()";

#[test]
fn pages_and_workers_have_it() {
    let site = Site::new(&format!(
        "onsync = (event) => event.waitUntil({NAMES}.then((names) => post('/sync', names)));"
    ));
    let mut kiosk = site.open();
    let expected = json!(["string", 4, 0xca]);
    assert_eq!(kiosk.settle(NAMES), Ok(expected.clone()));
    kiosk.register_sync("x");
    assert_eq!(site.server.wait_for(1)[0].body, expected);
}
