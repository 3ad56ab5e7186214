//! Requests of a page that its service worker answers.

#![cfg(feature = "offline")]

use std::path::Path;

use background_sync_e2e::{FAST_RETRIES, Kiosk, KioskBuilder, Site};
use serde_json::json;

/// Claims its page, so that a test need not load it again.
const CLAIM: &str = "onactivate = (event) => event.waitUntil(clients.claim());";

fn builder(profile: &Path) -> KioskBuilder {
    Kiosk::builder()
        .background_sync(FAST_RETRIES)
        .profile(profile)
}

/// A page that `worker` controls.
fn controlled(worker: &str, profile: &Path) -> (Site, Kiosk) {
    let site = Site::new(&format!("{CLAIM}{worker}"));
    let mut kiosk = site.open_with(builder(profile));
    let controlled = "new Promise((resolve) => { \
        const look = () => navigator.serviceWorker.controller && resolve(); \
        navigator.serviceWorker.oncontrollerchange = look; \
        look(); \
      })";
    kiosk.settle(controlled).expect("controlled");
    (site, kiosk)
}

fn text_of(kiosk: &mut Kiosk, url: &str) -> Result<serde_json::Value, String> {
    kiosk.settle(&format!("fetch('{url}').then((it) => it.text())"))
}

#[test]
fn a_worker_answers_fetch_and_leaves_the_rest_to_the_network() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = controlled(
        "onfetch = (event) => {
           if (event.request.url.endsWith('/made')) event.respondWith(new Response('made here'));
           if (event.request.url.endsWith('/passed')) event.respondWith(fetch(event.request));
         };",
        profile.path(),
    );
    site.server
        .serve("/passed", "text/plain", "from the server");
    site.server.serve("/left", "text/plain", "from the network");
    assert_eq!(text_of(&mut kiosk, "/made"), Ok(json!("made here")));
    assert_eq!(site.server.asked_for("/made").len(), 0);
    assert_eq!(text_of(&mut kiosk, "/passed"), Ok(json!("from the server")));
    assert_eq!(text_of(&mut kiosk, "/left"), Ok(json!("from the network")));
}

#[test]
fn a_page_opens_offline_from_its_worker_also_after_a_restart() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let worker = "onfetch = (event) => {
        if (event.request.mode === 'navigate') {
          const page = `<script>console.log('from the worker')</script>`;
          event.respondWith(new Response(page, { headers: { 'content-type': 'text/html' } }));
        }
      };";
    let (site, mut kiosk) = controlled(worker, profile.path());
    kiosk.set_network("offline");
    kiosk.evaluate("location.reload()");
    kiosk.wait_for_console("from the worker");
    kiosk.terminate();

    let asked = site.server.asked_for("/").len();
    let offline = builder(profile.path()).flag("--offline");
    let mut kiosk = offline.open(&site.server.url("/"));
    kiosk.wait_for_console("from the worker");
    assert_eq!(site.server.asked_for("/").len(), asked);
}

#[test]
fn a_worker_that_does_not_listen_is_not_asked() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = controlled("onsync = () => {};", profile.path());
    site.server.serve("/left", "text/plain", "from the network");
    kiosk.terminate();

    let mut kiosk = site.open_with(builder(profile.path()));
    assert_eq!(text_of(&mut kiosk, "/left"), Ok(json!("from the network")));
    assert_eq!(kiosk.worker_threads(), 0);
}

#[test]
fn what_is_no_answer_is_a_network_error() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (_site, mut kiosk) = controlled(
        "const used = new Response('used');
         used.text();
         const answers = {
           '/rejected': () => Promise.reject(new Error('no')),
           '/string': () => 'no response',
           '/used': () => used,
           '/error': () => Response.error(),
         };
         onfetch = (event) => {
           const { pathname } = new URL(event.request.url);
           if (pathname === '/prevented') event.preventDefault();
           if (answers[pathname]) event.respondWith(answers[pathname]());
         };",
        profile.path(),
    );
    for path in ["/rejected", "/string", "/used", "/error", "/prevented"] {
        let failed = Err("TypeError".to_owned());
        assert_eq!(text_of(&mut kiosk, path), failed, "{path}");
    }
}

/// What keeps a request for later clones it, has it fail, and reads the clone.
#[test]
fn a_clone_of_a_request_is_read_after_the_request_was_sent() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = controlled(
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
    let (site, mut kiosk) = controlled(
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
fn a_worker_that_loops_is_ended_and_its_page_goes_on() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new(&format!(
        "{CLAIM} onfetch = (event) => {{
           if (event.request.url.endsWith('/loop')) for (;;);
           if (event.request.url.endsWith('/never')) event.respondWith(new Promise(() => {{}}));
           if (event.request.url.endsWith('/made')) event.respondWith(new Response('made here'));
         }};"
    ));
    let quick = builder(profile.path())
        .flag("--pref")
        .flag("dom_serviceworker_timeout_seconds=2");
    let mut kiosk = site.open_with(quick);
    assert_eq!(text_of(&mut kiosk, "/made"), Ok(json!("made here")));
    for path in ["/loop", "/never"] {
        let failed = Err("TypeError".to_owned());
        assert_eq!(text_of(&mut kiosk, path), failed, "{path}");
        // The next one starts it again.
        assert_eq!(text_of(&mut kiosk, "/made"), Ok(json!("made here")));
    }
}

#[test]
fn a_body_is_streamed_through_the_worker() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (_site, mut kiosk) = controlled(
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
fn redirects_and_errors_of_the_server_are_passed_on() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = controlled(
        "onfetch = (event) => {
           const { pathname } = new URL(event.request.url);
           if (pathname === '/made-redirect') event.respondWith(Response.redirect('/target'));
           else if (pathname !== '/target') event.respondWith(fetch(event.request));
         };",
        profile.path(),
    );
    site.server.serve("/target", "text/plain", "arrived");
    site.server.serve_redirect("/redirect", "/target");
    let seen = |path: &str, init: &str| {
        format!(
            "fetch('{path}', {init}).then(async (it) => \
               [it.type, it.status, it.redirected, new URL(it.url).pathname, await it.text()])"
        )
    };
    let target = json!(["basic", 200, true, "/target", "arrived"]);
    for path in ["/redirect", "/made-redirect"] {
        assert_eq!(
            kiosk.settle(&seen(path, "{}")),
            Ok(target.clone()),
            "{path}"
        );
    }
    assert_eq!(
        kiosk.settle(&seen("/redirect", "{ redirect: 'manual' }")),
        Ok(json!(["opaqueredirect", 0, false, "/redirect", ""]))
    );
    assert_eq!(
        kiosk.settle(&seen("/missing", "{}")),
        Ok(json!(["basic", 404, false, "/missing", "no such file"]))
    );
    // Also those of documents.
    site.server.serve(
        "/target",
        "text/html",
        "<script>console.log(`at ${location.pathname}`)</script>",
    );
    for path in ["/redirect", "/made-redirect"] {
        kiosk.evaluate(&format!("location = '{path}'"));
        kiosk.wait_for_console("at /target");
        kiosk.forget_events();
    }
}

#[test]
fn what_a_page_gives_up_the_worker_can_give_up() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (_site, mut kiosk) = controlled(
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
    let (_site, mut kiosk) = controlled(
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
fn a_made_redirect_leads_only_to_a_whole_url() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = controlled(
        "onfetch = (event) => {
           const { pathname, searchParams } = new URL(event.request.url);
           const headers = { location: searchParams.get('to') };
           if (pathname === '/made') event.respondWith(new Response('', { status: 302, headers }));
         };",
        profile.path(),
    );
    site.server.serve("/target", "text/plain", "arrived");
    let whole = format!("/made?to={}", site.server.url("/target"));
    assert_eq!(text_of(&mut kiosk, &whole), Ok(json!("arrived")));
    let failed = Err("TypeError".to_owned());
    assert_eq!(text_of(&mut kiosk, "/made?to=target"), failed);
}

#[test]
fn a_blank_frame_has_the_worker_of_its_page() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let worker = "onfetch = (event) => {
        if (event.request.url.endsWith('/made')) event.respondWith(new Response('made here'));
      };";
    let (_site, mut kiosk) = controlled(worker, profile.path());
    let seen = kiosk.settle(
        "(async () => { \
           const { contentWindow } = document.body.appendChild(document.createElement('iframe')); \
           const text = await (await contentWindow.fetch('/made')).text(); \
           return [contentWindow.navigator.serviceWorker.controller?.state, text]; \
         })()",
    );
    assert_eq!(seen, Ok(json!(["activated", "made here"])));
}

#[test]
fn a_worker_that_is_a_blob_has_the_service_worker_of_its_page() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let worker = "onfetch = (event) => {
        if (event.request.url.endsWith('/made')) event.respondWith(new Response('made here'));
      };";
    let (site, mut kiosk) = controlled(worker, profile.path());
    let url = site.server.url("/made");
    let seen = kiosk.settle(&format!(
        "new Promise((resolve) => {{ \
           const script = `fetch('{url}').then((it) => it.text()).then(postMessage)`; \
           const worker = new Worker(URL.createObjectURL(new Blob([script]))); \
           worker.onmessage = (event) => resolve(event.data); \
         }})"
    ));
    assert_eq!(seen, Ok(json!("made here")));
}

#[test]
fn messages_say_their_origin_and_a_worker_knows_itself() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let worker = "const parsed = [serviceWorker.state, registration.installing];
      onmessage = (event) => event.source.postMessage(
        [event.origin, ...parsed, serviceWorker.state, serviceWorker === registration.active]);";
    let (_site, mut kiosk) = controlled(worker, profile.path());
    let seen = kiosk.settle(
        "new Promise((resolve) => { \
           navigator.serviceWorker.onmessage = (event) => \
             resolve([event.data[0] === location.origin, ...event.data.slice(1)]); \
           navigator.serviceWorker.controller.postMessage(''); \
         })",
    );
    assert_eq!(seen, Ok(json!([true, "parsed", null, "activated", true])));
}

#[test]
fn each_redirect_of_a_chain_is_asked_about() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = controlled(
        "onfetch = (event) => {
           const { origin, pathname } = new URL(event.request.url);
           const [, name, number] = pathname.split('/');
           if (name !== 'hop') return;
           const next = number === '9' ? `${origin}/target` : `${origin}/hop/${+number + 1}`;
           const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
           // It is over while the next one is being answered.
           event.waitUntil(after(150));
           event.respondWith(after(100).then(() => Response.redirect(next)));
         };",
        profile.path(),
    );
    site.server.serve("/target", "text/plain", "arrived");
    assert_eq!(text_of(&mut kiosk, "/hop/0"), Ok(json!("arrived")));
    for number in 0..10 {
        let asked = site.server.asked_for(&format!("/hop/{number}"));
        assert_eq!(asked.len(), 0, "{number}");
    }
}

#[test]
fn the_end_of_a_body_is_known_without_reading_on() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (_site, mut kiosk) = controlled(
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
