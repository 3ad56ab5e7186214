//! Bodies of requests and responses that pass a service worker: streamed, cloned, given up.

#![cfg(feature = "offline")]

use background_sync_e2e::Site;
use serde_json::json;

/// What keeps a request for later clones it, has it fail, and reads the clone.
#[test]
fn a_clone_of_a_request_is_read_after_the_request_was_sent() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = Site::controlled_by(
        "onfetch = (event) => {
           if (!event.request.url.endsWith('/kept')) return;
           const [clone, other] = [event.request.clone(), event.request.clone()];
           const read = () => clone.clone().text();
           event.respondWith(fetch(event.request).then(read, read).then(async (text) =>
             new Response(`${text} ${await other.text()}`)));
         };",
        profile.path(),
    );
    let post = |body: &str| {
        format!(
            "fetch('/kept', {{ method: 'POST', body: {body}, duplex: 'half' }}).then((it) => it.text())"
        )
    };
    for body in ["'1'", "new Blob(['1']).stream()"] {
        let before = site.server.received_count();
        assert_eq!(kiosk.settle(&post(body)), Ok(json!("1 1")), "{body}");
        let received = site.server.wait_for(before + 1);
        assert_eq!(received[before].body, 1, "{body}");
        kiosk.set_network("offline");
        assert_eq!(kiosk.settle(&post(body)), Ok(json!("1 1")), "{body}");
        assert_eq!(site.server.received_count(), before + 1);
        kiosk.set_network("online");
    }
}

#[test]
fn a_request_of_a_stream_and_its_clone_are_both_sent() {
    let site = Site::new("");
    let mut kiosk = site.open();
    let sent = "(async () => { \
        const body = new Blob(['1']).stream(); \
        const request = new Request('/both', { method: 'POST', body, duplex: 'half' }); \
        const clone = request.clone(); \
        return [(await fetch(clone)).status, (await fetch(request)).status]; \
      })()";
    assert_eq!(kiosk.settle(sent), Ok(json!([200, 200])));
    let bodies: Vec<_> = site
        .server
        .wait_for(2)
        .into_iter()
        .map(|it| it.body)
        .collect();
    assert_eq!(bodies, [1, 1]);
}

#[test]
fn the_body_of_a_request_reaches_the_worker_and_through_it_the_server() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = Site::controlled_by(
        "onfetch = (event) => {
           const { pathname } = new URL(event.request.url);
           if (pathname === '/echo')
             event.respondWith(event.request.text().then((text) => new Response(`got ${text}`)));
           if (pathname === '/both')
             event.respondWith((async () => {
               const text = await event.request.clone().text();
               await fetch(event.request);
               return new Response(text);
             })());
         };",
        profile.path(),
    );
    let post = |path: &str| {
        format!("fetch('{path}', {{ method: 'POST', body: '\"hello\"' }}).then((it) => it.text())")
    };
    assert_eq!(kiosk.settle(&post("/echo")), Ok(json!("got \"hello\"")));
    let empty = "fetch('/echo', { method: 'POST', body: '' }).then((it) => it.text())";
    assert_eq!(kiosk.settle(empty), Ok(json!("got ")));
    assert_eq!(kiosk.settle(&post("/both")), Ok(json!("\"hello\"")));
    site.server.wait_for_post("/both", &json!("hello"));
    // And one that the worker leaves to the network.
    kiosk.settle(&post("/left")).expect("answered");
    site.server.wait_for_post("/left", &json!("hello"));
}

#[test]
fn a_body_is_streamed_through_the_worker() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (_site, mut kiosk) = Site::controlled_by(
        "let finish;
         onfetch = (event) => {
           const { pathname } = new URL(event.request.url);
           if (pathname === '/stream') {
             const body = new ReadableStream({
               start(controller) {
                 const encode = (text) => new TextEncoder().encode(text);
                 controller.enqueue(encode('first'));
                 finish = () => { controller.enqueue(encode('last')); controller.close(); };
               },
             });
             event.respondWith(new Response(body));
           }
           if (pathname === '/finish') { finish(); event.respondWith(new Response('')); }
         };",
        profile.path(),
    );
    let chunks = kiosk.settle(
        "(async () => { \
           const reader = (await fetch('/stream')).body.getReader(); \
           const read = async () => new TextDecoder().decode((await reader.read()).value); \
           const first = await read(); \
           await fetch('/finish'); \
           return [first, await read(), (await reader.read()).done]; \
         })()",
    );
    assert_eq!(chunks, Ok(json!(["first", "last", true])));
}

#[test]
fn what_a_page_gives_up_the_worker_can_give_up() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (_site, mut kiosk) = Site::controlled_by(
        "const seen = {};
         onfetch = (event) => {
           const { pathname } = new URL(event.request.url);
           if (pathname === '/seen') {
             const all = Promise.all([seen.aborted, seen.cancelled]);
             event.respondWith(all.then(() => new Response('both')));
           }
           if (pathname === '/stream') {
             seen.aborted = new Promise((resolve) => event.request.signal.onabort = resolve);
             seen.cancelled = new Promise((resolve) => {
               const start = (controller) => controller.enqueue(new Uint8Array(1));
               event.respondWith(new Response(new ReadableStream({ start, cancel: resolve })));
             });
           }
         };",
        profile.path(),
    );
    let seen = kiosk.settle(
        "(async () => { \
           const controller = new AbortController(); \
           const { body } = await fetch('/stream', { signal: controller.signal }); \
           await body.getReader().read(); \
           controller.abort(); \
           return (await fetch('/seen')).text(); \
         })()",
    );
    assert_eq!(seen, Ok(json!("both")));
}

#[test]
fn a_page_that_cancels_a_body_cancels_that_of_its_worker() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (_site, mut kiosk) = Site::controlled_by(
        "let cancelled;
         onfetch = (event) => {
           const { pathname } = new URL(event.request.url);
           if (pathname === '/seen')
             event.respondWith(cancelled.then(() => new Response('cancelled')));
           if (pathname === '/stream') {
             cancelled = new Promise((resolve) => {
               const start = (controller) => controller.enqueue(new Uint8Array(1));
               event.respondWith(new Response(new ReadableStream({ start, cancel: resolve })));
             });
           }
         };",
        profile.path(),
    );
    let seen = kiosk.settle(
        "(async () => { \
           const reader = (await fetch('/stream')).body.getReader(); \
           await reader.read(); \
           await reader.cancel(); \
           return (await fetch('/seen')).text(); \
         })()",
    );
    assert_eq!(seen, Ok(json!("cancelled")));
}

#[test]
fn the_end_of_a_body_is_known_without_reading_on() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (_site, mut kiosk) = Site::controlled_by(
        "onfetch = (event) => {
           if (event.request.url.endsWith('/made')) event.respondWith(new Response('made here'));
         };",
        profile.path(),
    );
    let read = kiosk.settle(
        "(async () => { \
           const reader = (await fetch('/made')).body.getReader(); \
           const { value } = await reader.read(); \
           await reader.closed; \
           return new TextDecoder().decode(value); \
         })()",
    );
    assert_eq!(read, Ok(json!("made here")));
}
