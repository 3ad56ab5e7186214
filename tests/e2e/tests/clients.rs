//! Which pages a worker is given by `clients.matchAll()`.

use background_sync_e2e::{Kiosk, Site};
use serde_json::{Value, json};

/// In a worker: answers with the addresses of its clients, those that it controls first, then all.
const TELLS_ITS_CLIENTS: &str = "
  const list = async (options) => (await clients.matchAll(options)).map((client) => client.url);
  self.addEventListener('message', (event) => event.waitUntil((async () => {
    if (event.data === 'claim') await clients.claim();
    event.source.postMessage([await list(), await list({ includeUncontrolled: true })]);
  })()));";

/// What a worker with [`TELLS_ITS_CLIENTS`] tells of them.
fn clients_of_worker(kiosk: &mut Kiosk, message: &str) -> Value {
    let ask = format!(
        "new Promise((resolve) => {{ \
         navigator.serviceWorker.onmessage = (event) => resolve(event.data); \
         registration.active.postMessage({message:?}); }})"
    );
    kiosk.settle(&ask).expect("an answer")
}

#[test]
fn a_worker_controls_a_page_from_before_its_activation_once_it_has_claimed_it() {
    let site = Site::new(TELLS_ITS_CLIENTS);
    let mut kiosk = site.open();
    let url = site.server.url("/");
    assert_eq!(clients_of_worker(&mut kiosk, "list"), json!([[], [url]]));
    assert_eq!(
        clients_of_worker(&mut kiosk, "claim"),
        json!([[url], [url]])
    );
}

#[test]
fn a_worker_controls_a_page_that_is_loaded_after_its_activation() {
    let site = Site::new(TELLS_ITS_CLIENTS);
    let mut kiosk = site.open();
    kiosk.command("reload");
    kiosk.wait_for_console("page ready");
    let url = site.server.url("/");
    assert_eq!(clients_of_worker(&mut kiosk, "list"), json!([[url], [url]]));
}
