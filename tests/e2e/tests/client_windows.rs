//! What a worker knows of its pages' windows, and does with them: `clients.get()`, `WindowClient.navigate()`, `focused`.

#![cfg(feature = "offline")]

use background_sync_e2e::{Kiosk, PAGE, Site};
use serde_json::{Value, json};

/// In a worker: does as the page says, and tells it what came of it.
const FOLLOWS_ORDERS: &str = "
  onactivate = (event) => event.waitUntil(clients.claim());
  const outcome = (promise) => promise.then((it) => it && [new URL(it.url).pathname, it.type, it.frameType,
    it.visibilityState, it.focused], (error) => error.name);
  const orders = {
    get: (id) => outcome(clients.get(id)),
    itself: (_, source) => clients.get(source.id).then((it) => it.id === source.id),
    navigate: (url, source) => outcome(source.navigate(url)),
  };
  onmessage = (event) => event.waitUntil((async () => {
    const [order, argument] = event.data;
    await post('/' + order, await orders[order](argument, event.source));
  })());";

fn order(kiosk: &mut Kiosk, order: &str, argument: &str) {
    kiosk.evaluate(&format!(
        "registration.active.postMessage([{order:?}, {argument:?}]), 0"
    ));
}

#[test]
fn a_worker_gets_a_client_by_its_id() {
    let site = Site::new(FOLLOWS_ORDERS);
    let mut kiosk = site.open();
    order(&mut kiosk, "itself", "");
    assert_eq!(site.server.wait_for(1)[0].body, json!(true));
    order(&mut kiosk, "get", "nobody");
    assert_eq!(site.server.wait_for(2)[1].body, Value::Null);
}

#[test]
fn a_worker_navigates_what_it_controls() {
    let site = Site::new(FOLLOWS_ORDERS);
    site.server.serve("/next", "text/html", PAGE);
    site.server.serve(
        "/outside/",
        "text/html",
        &PAGE.replace("/sw.js'", "/sw.js', { scope: '/elsewhere/' }"),
    );
    let mut kiosk = site.open();
    kiosk.command("reload");
    kiosk.wait_for_console("page ready");
    for (number, wrong) in ["about:blank", "http://["].into_iter().enumerate() {
        order(&mut kiosk, "navigate", wrong);
        assert_eq!(site.server.wait_for(number + 1)[number].body, "TypeError");
    }
    order(&mut kiosk, "navigate", "/next");
    kiosk.wait_for_console("page ready");
    let received = site.server.wait_for(3);
    assert_eq!(
        received[2].body,
        json!(["/next", "window", "top-level", "visible", true])
    );
}

#[test]
fn clients_come_in_the_order_in_which_they_had_the_focus() {
    let site = Site::new(
        "onmessage = (event) => event.waitUntil(clients.matchAll({ includeUncontrolled: true }).then((all) => \
           event.source.postMessage(all.map(({ url, focused }) => [new URL(url).search, focused]))));",
    );
    site.server
        .serve("/frame", "text/html", "<!DOCTYPE html>a frame");
    let mut kiosk = site.open();
    kiosk
        .settle(
            "Promise.all([1, 2].map((number) => new Promise((resolve) => { \
               const frame = document.createElement('iframe'); frame.onload = resolve; \
               frame.src = `/frame?${number}`; frame.id = `frame${number}`; document.body.append(frame); }))).then(() => 0)",
        )
        .expect("loaded");
    for (focused, other) in [(1, 2), (2, 1)] {
        // The focus takes its way through the browser.
        let clients = kiosk.settle(&format!(
            "(async () => {{ document.querySelector('#frame{focused}').focus(); for (;;) {{ \
               const clients = await new Promise((resolve) => {{ \
                 navigator.serviceWorker.onmessage = (event) => resolve(event.data); \
                 registration.active.postMessage(''); }}); \
               if (clients[0][0] === '?{focused}') return clients; }} }})()"
        ));
        let of = |number: u32| format!("?{number}");
        assert_eq!(
            clients,
            Ok(json!([[of(focused), true], ["", true], [of(other), false]]))
        );
    }
}
