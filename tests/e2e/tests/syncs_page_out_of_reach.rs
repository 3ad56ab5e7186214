//! No page reaches `kiosk:syncs`, whatever it tries.

use background_sync_e2e::syncs_page::wait_for_page;
use background_sync_e2e::{Kiosk, Site, TestServer};
use serde_json::{Value, json};

/// Addresses of the page, and of what it does.
const ADDRESSES: [&str; 4] = [
    "kiosk:syncs",
    "KIOSK:syncs",
    "kiosk:syncs/close",
    "kiosk:syncs/0123456789abcdef0123456789abcdef",
];

fn open(site: &Site) -> Kiosk {
    site.open_with(Kiosk::builder().setting("syncs_page = true"))
}

fn assert_not_shown(kiosk: &mut Kiosk) {
    kiosk.catch_up();
    let shown = kiosk
        .seen()
        .iter()
        .find(|event| event["event"] == "syncs-page");
    assert_eq!(shown, None);
}

#[test]
fn nothing_of_it_can_be_loaded() {
    let site = Site::new("");
    site.server.serve(
        "/worker.js",
        "text/javascript",
        "onmessage = ({ data }) => fetch(data).then((it) => postMessage(it.status), (error) => postMessage(error.name));",
    );
    let mut kiosk = open(&site);
    for address in ADDRESSES {
        for script in [
            format!("fetch({address:?}).then((it) => it.text())"),
            format!("fetch({address:?}, {{ mode: 'no-cors' }}).then((it) => it.type)"),
            format!("fetch({address:?}, {{ method: 'POST', body: 'x' }}).then((it) => it.text())"),
            format!(
                "new Promise((resolve, reject) => {{ const it = new XMLHttpRequest(); it.onload = () => resolve(it.responseText); \
                 it.onerror = () => reject(new Error('no')); it.open('GET', {address:?}); it.send(); }})"
            ),
            format!(
                "new Promise((resolve, reject) => {{ const it = new Image(); it.onload = resolve; it.onerror = () => reject(new Error('no')); it.src = {address:?}; }})"
            ),
            format!(
                "new Promise((resolve, reject) => {{ const it = document.createElement('script'); it.onload = resolve; \
                 it.onerror = () => reject(new Error('no')); it.src = {address:?}; document.body.append(it); }})"
            ),
            format!("import({address:?})"),
            format!(
                "new Promise((resolve, reject) => {{ const it = new Worker({address:?}); it.onmessage = resolve; \
                 it.onerror = () => reject(new Error('no')); }})"
            ),
            format!(
                "new Promise((resolve, reject) => {{ const it = new EventSource({address:?}); it.onopen = resolve; \
                 it.onerror = () => reject(new Error('no')); }})"
            ),
        ] {
            let got = kiosk.settle(&script);
            assert!(got.is_err(), "{script}: {got:?}");
        }
        let by_worker = kiosk.settle(&format!(
            "new Promise((resolve) => {{ const it = new Worker('/worker.js'); it.onmessage = ({{ data }}) => resolve(data); it.postMessage({address:?}); }})"
        ));
        assert_eq!(by_worker, Ok(json!("TypeError")), "{address}");
    }
    assert_not_shown(&mut kiosk);
}

#[test]
fn no_frame_has_it() {
    let site = Site::new("");
    let mut kiosk = open(&site);
    for (number, address) in ADDRESSES.iter().enumerate() {
        for element in ["iframe", "object", "embed"] {
            let attribute = if element == "object" { "data" } else { "src" };
            kiosk.evaluate(&format!(
                "window.frame{number} = document.createElement('{element}'), frame{number}.{attribute} = {address:?}, \
                 frame{number}.onload = () => console.log('{element} {number} ended'), document.body.append(frame{number}), 0"
            ));
            if element != "iframe" {
                continue;
            }
            kiosk.wait_for_console(&format!("iframe {number} ended"));
            // Its content is of another origin, or an error page: nothing that is the kiosk's.
            let content = kiosk.evaluate(&format!(
                "frame{number}.contentDocument?.body?.innerText ?? 'closed'"
            ));
            assert!(
                !content.as_str().is_some_and(|it| it.contains("What waits")),
                "{content}"
            );
        }
    }
    assert_not_shown(&mut kiosk);
    kiosk.command("syncs");
}

/// The page stays, or the window that it has opened goes.
#[test]
fn nothing_leads_there() {
    let site = Site::new("");
    site.server.serve_redirect("/redirect", "kiosk:syncs");
    site.server.serve(
        "/refreshes",
        "text/html",
        "<!DOCTYPE html><meta http-equiv=refresh content='0; url=kiosk:syncs'><title>refreshes</title>",
    );
    let mut kiosk = open(&site);
    let here = site.server.url("/");
    for (action, window) in [
        ("location.href = 'kiosk:syncs'", "page"),
        ("location.replace('kiosk:syncs')", "page"),
        (
            "document.body.append(Object.assign(document.createElement('a'), { href: 'kiosk:syncs', id: 'link' })), link.click()",
            "page",
        ),
        ("window.open('kiosk:syncs')", "auxiliary"),
        ("window.open('kiosk:syncs', '_self')", "page"),
        (
            "document.head.append(Object.assign(document.createElement('meta'), { httpEquiv: 'refresh', content: '0; url=kiosk:syncs' }))",
            "page",
        ),
    ] {
        kiosk.evaluate(&format!(
            "window.trying = setInterval(() => {{ {action} }}, 50), 0"
        ));
        kiosk.wait_for(&format!("{action} to be blocked"), |event| {
            event["event"] == "navigation-blocked"
                && event["url"] == "kiosk:syncs"
                && event["window"] == window
        });
        kiosk.evaluate("clearInterval(trying), 0");
        assert_eq!(kiosk.evaluate("location.href"), here, "{action}");
        assert_not_shown(&mut kiosk);
        kiosk.forget_events();
    }
    let state = kiosk.settle("Promise.resolve(history.pushState(0, '', 'kiosk:syncs'))");
    assert_eq!(state, Err("SecurityError".to_owned()));
    for form in ["get", "post"] {
        kiosk.evaluate(&format!(
            "(() => {{ const form = Object.assign(document.createElement('form'), {{ action: 'kiosk:syncs', method: '{form}' }}); \
             document.body.append(form); form.submit(); }})(), 0"
        ));
    }
    let redirected = kiosk.settle("fetch('/redirect').then((it) => it.text())");
    assert_eq!(redirected, Err("TypeError".to_owned()));
    assert_eq!(kiosk.evaluate("location.href"), here);
    assert_not_shown(&mut kiosk);

    // A page that is redirected there has nothing of it.
    kiosk.evaluate("location.href = '/redirect', 0");
    let redirect = site.server.url("/redirect");
    // The engine itself follows none there; if it did, the kiosk would refuse it.
    kiosk.wait_for("the redirect to end", |event| {
        let is_loaded = event["event"] == "load" && event["status"] == "complete";
        is_loaded && event["url"] == redirect || event["event"] == "navigation-blocked"
    });
    let shown = kiosk.evaluate("document.title + document.documentElement.innerText");
    assert!(
        !shown
            .as_str()
            .is_some_and(|it| it.contains("Syncs") || it.contains("What waits")),
        "{shown}"
    );
    assert_not_shown(&mut kiosk);
}

#[test]
fn no_service_worker_leads_there_either() {
    let worker = "onmessage = (event) => { const { source, data } = event; \
        const leading = data === 'open' ? clients.openWindow('kiosk:syncs') : source.navigate('kiosk:syncs'); \
        event.waitUntil(leading.then(() => 'led', (error) => error.name).then((it) => source.postMessage(it))); };";
    let builder = Kiosk::builder().setting("syncs_page = true");
    let (site, mut kiosk) = Site::controlled_in(worker, builder);
    for way in ["open", "navigate"] {
        let ended = kiosk.settle(&format!(
            "new Promise((resolve) => {{ navigator.serviceWorker.onmessage = ({{ data }}) => resolve(data); \
             navigator.serviceWorker.controller.postMessage('{way}'); }})"
        ));
        assert!(
            ended.as_ref().is_ok_and(|it| it != "led"),
            "{way}: {ended:?}"
        );
    }
    assert_eq!(kiosk.evaluate("location.href"), site.server.url("/"));
    assert_not_shown(&mut kiosk);
}

/// While an operator has it open, the page below and its windows reach it no more than before.
#[test]
fn the_page_below_does_not_see_it() {
    let site = Site::new("");
    let mut kiosk = open(&site);
    let probe = TestServer::start();
    site.add_to_page(&format!(
        "setInterval(() => {{ const other = window.open('kiosk:syncs', 'syncs'); let seen = 'nothing'; \
         try {{ seen = other && other.document && other.document.title; }} catch (error) {{ seen = error.name; }} \
         if (seen === 'Syncs') navigator.sendBeacon('{}', seen); \
         console.log(`tried, frames ${{window.length}}, opener ${{window.opener}}`); }}, 100);",
        probe.url("/seen")
    ));
    kiosk.command("reload");
    kiosk.wait_for_console("page ready");
    kiosk.command("open kiosk:syncs");
    wait_for_page(&mut kiosk, "loaded");
    kiosk.forget_events();
    for _ in 0..3 {
        kiosk.wait_for_console("tried, frames 0, opener null");
    }
    let own: Value = kiosk.evaluate(
        "({ opener: window.opener, parent: window.parent === window, frames: window.length, workers: 'serviceWorker' in navigator && !!navigator.serviceWorker.controller, title: document.title })",
    );
    assert_eq!(
        own,
        json!({"opener": null, "parent": true, "frames": 0, "workers": false, "title": "Syncs"})
    );
    assert_eq!(probe.received_count(), 0);
}
