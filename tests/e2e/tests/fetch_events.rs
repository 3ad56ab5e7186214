//! Requests of a page that its service worker answers.

#![cfg(feature = "offline")]

use background_sync_e2e::{Kiosk, Site};
use serde_json::json;

fn text_of(kiosk: &mut Kiosk, url: &str) -> Result<serde_json::Value, String> {
    kiosk.settle(&format!("fetch('{url}').then((it) => it.text())"))
}

#[test]
fn a_worker_answers_fetch_and_leaves_the_rest_to_the_network() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = Site::controlled_by(
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
    let (site, mut kiosk) = Site::controlled_by(worker, profile.path());
    kiosk.set_network("offline");
    kiosk.evaluate("location.reload()");
    kiosk.wait_for_console("from the worker");
    kiosk.terminate();

    let asked = site.server.asked_for("/").len();
    let offline = Kiosk::with_fast_retries(profile.path()).flag("--offline");
    let mut kiosk = offline.open(&site.server.url("/"));
    kiosk.wait_for_console("from the worker");
    assert_eq!(site.server.asked_for("/").len(), asked);
}

#[test]
fn a_worker_that_does_not_listen_is_not_asked() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = Site::controlled_by("onsync = () => {};", profile.path());
    site.server.serve("/left", "text/plain", "from the network");
    kiosk.terminate();

    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    assert_eq!(text_of(&mut kiosk, "/left"), Ok(json!("from the network")));
    assert_eq!(kiosk.worker_threads(), 0);
}

#[test]
fn what_is_no_answer_is_a_network_error() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (_site, mut kiosk) = Site::controlled_by(
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

#[test]
fn a_worker_that_loops_is_ended_and_its_page_goes_on() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let quick = Kiosk::with_fast_retries(profile.path())
        .flag("--pref")
        .flag("dom_serviceworker_timeout_seconds=2");
    let (_site, mut kiosk) = Site::controlled_in(
        "onfetch = (event) => {
           if (event.request.url.endsWith('/loop')) for (;;);
           if (event.request.url.endsWith('/never')) event.respondWith(new Promise(() => {}));
           if (event.request.url.endsWith('/made')) event.respondWith(new Response('made here'));
         };",
        quick,
    );
    assert_eq!(text_of(&mut kiosk, "/made"), Ok(json!("made here")));
    for path in ["/loop", "/never"] {
        let failed = Err("TypeError".to_owned());
        assert_eq!(text_of(&mut kiosk, path), failed, "{path}");
        // The next one starts it again.
        assert_eq!(text_of(&mut kiosk, "/made"), Ok(json!("made here")));
    }
}

#[test]
fn redirects_and_errors_of_the_server_are_passed_on() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = Site::controlled_by(
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
fn a_made_redirect_leads_only_to_a_whole_url() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = Site::controlled_by(
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
    let (_site, mut kiosk) = Site::controlled_by(worker, profile.path());
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
    let (site, mut kiosk) = Site::controlled_by(worker, profile.path());
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
    let (_site, mut kiosk) = Site::controlled_by(worker, profile.path());
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
    let (site, mut kiosk) = Site::controlled_by(
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
