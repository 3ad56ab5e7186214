//! Which pages a worker is given by `clients.matchAll()`.

use background_sync_e2e::{Kiosk, PAGE, Site};
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

/// Follows a link of the page.
fn follow_link(kiosk: &mut Kiosk, path: &str) {
    kiosk.evaluate(&format!(
        "(() => {{ const link = document.createElement('a'); link.href = '{path}'; \
           document.body.append(link); link.click(); }})(), 0"
    ));
    kiosk.wait_for_console("page ready");
}

#[test]
fn a_page_in_the_history_is_no_client_until_it_is_shown_again() {
    let site = Site::new(TELLS_ITS_CLIENTS);
    site.server.serve("/second", "text/html", PAGE);
    let mut kiosk = site.open();
    kiosk.command("reload");
    kiosk.wait_for_console("page ready");
    follow_link(&mut kiosk, "/second");
    let (first, second) = (site.server.url("/"), site.server.url("/second"));
    assert_eq!(
        clients_of_worker(&mut kiosk, "list"),
        json!([[second], [second]])
    );
    kiosk.evaluate("history.back(), 0");
    kiosk.wait_for("the first page", |event| {
        event["event"] == "address" && event["url"] == first
    });
    assert_eq!(
        clients_of_worker(&mut kiosk, "list"),
        json!([[first], [first]])
    );
}

#[test]
fn a_page_in_the_history_holds_no_new_version_back() {
    let site = Site::new("onactivate = (event) => event.waitUntil(clients.claim());");
    // Outside the scope of the worker.
    site.server.serve("/outside", "text/html", PAGE);
    site.server.serve(
        "/app/",
        "text/html",
        &PAGE.replace("/sw.js'", "/sw.js', { scope: '/app/' }"),
    );
    let mut kiosk = Kiosk::builder().open(&site.server.url("/app/"));
    kiosk.wait_for_console("page ready");
    kiosk
        .settle(
            "new Promise((resolve) => { navigator.serviceWorker.oncontrollerchange = resolve; \
               if (navigator.serviceWorker.controller) resolve(); }).then(() => 0)",
        )
        .expect("claimed");
    follow_link(&mut kiosk, "/outside");
    site.serve_worker("onactivate = (event) => event.waitUntil(post('/taken-over'));");
    kiosk
        .settle("navigator.serviceWorker.getRegistration('/app/').then((it) => it.update())")
        .expect("updated");
    assert_eq!(site.server.wait_for(1)[0].path, "/taken-over");
}

#[test]
fn a_page_that_never_asks_for_workers_is_a_client_and_clients_are_windows_in_their_order() {
    let site = Site::new(
        "onmessage = (event) => event.waitUntil(clients.matchAll({ includeUncontrolled: true }) \
           .then((all) => post('/clients', all.map((client) => \
             [new URL(client.url).pathname, client.frameType, client instanceof WindowClient]))));",
    );
    site.server
        .serve("/plain", "text/html", "<!DOCTYPE html>nothing");
    let mut kiosk = site.open();
    for number in 0..3 {
        kiosk
            .settle(&format!(
                "new Promise((resolve) => {{ const frame = document.createElement('iframe'); \
                   frame.onload = resolve; frame.src = '/plain?{number}'; document.body.append(frame); }}).then(() => 0)"
            ))
            .expect("loaded");
    }
    kiosk.evaluate("registration.active.postMessage(''), 0");
    let frame = json!(["/plain", "nested", true]);
    assert_eq!(
        site.server.wait_for(1)[0].body,
        json!([["/", "top-level", true], frame, frame, frame])
    );
}

#[test]
fn a_worker_that_leaves_still_talks_to_its_pages() {
    let site = Site::new(
        "onsync = (event) => event.waitUntil((async () => { \
           const [page] = await clients.matchAll({ includeUncontrolled: true }); \
           await registration.unregister(); page.postMessage('farewell'); })());",
    );
    let mut kiosk = site.open();
    kiosk.evaluate(
        "navigator.serviceWorker.onmessage = ({ data, source }) => \
           console.log(`${data} of ${new URL(source.scriptURL).pathname}`), 0",
    );
    kiosk.register_sync("x");
    kiosk.wait_for_console("farewell of /sw.js");
}

#[test]
fn messages_wait_until_the_page_is_ready_for_them() {
    let site = Site::new(
        "onmessage = ({ source, data }) => { source.postMessage(`answer to ${data}`); \
           post(`/answered-${data}`); };",
    );
    let page = |ready: &str| {
        format!(
            "<!DOCTYPE html><script> \
               navigator.serviceWorker.addEventListener('message', ({{ data }}) => console.log(data)); \
               addEventListener('DOMContentLoaded', () => console.log('loaded')); \
               navigator.serviceWorker.getRegistration().then((it) => it.active.postMessage('{ready}')); \
               {ready} \
             </script><script src=/slow.js></script>"
        )
    };
    site.server
        .serve("/slow.js", "text/javascript", "console.log('slow script')");
    site.server.serve("/waits", "text/html", &page("0"));
    let start = "navigator.serviceWorker.startMessages()";
    site.server.serve(
        "/starts",
        "text/html",
        &page(start).replace(&format!("postMessage('{start}')"), "postMessage('1')"),
    );
    let mut kiosk = site.open();
    for (path, answered, is_first) in [
        ("/waits", "/answered-0", false),
        ("/starts", "/answered-1", true),
    ] {
        site.server.hold_path("/slow.js");
        kiosk.forget_events();
        kiosk.command(&format!("open {}", site.server.url(path)));
        site.server.wait_for_held("/slow.js");
        let count = if is_first { 2 } else { 1 };
        assert_eq!(site.server.wait_for(count)[count - 1].path, answered);
        let answer = format!("answer to {}", i32::from(is_first));
        if is_first {
            kiosk.wait_for_console(&answer);
        }
        site.server.release_path("/slow.js");
        kiosk.wait_for_console("loaded");
        if !is_first {
            kiosk.wait_for_console(&answer);
        }
        let lines: Vec<_> = kiosk
            .seen()
            .iter()
            .filter(|event| event["event"] == "console")
            .filter_map(|event| event["text"].as_str())
            .collect();
        let position = |text: &str| lines.iter().position(|line| *line == text);
        assert_eq!(
            position(&answer) < position("loaded"),
            is_first,
            "{lines:?}"
        );
    }
}
