//! Navigations that ask the network while their service worker is being started.

#![cfg(feature = "offline")]

use std::path::Path;

use background_sync_e2e::{Kiosk, PAGE, Site};
use serde_json::json;

const HEADER: &str = "service-worker-navigation-preload";

/// Answers navigations with what was preloaded, and says where that came from.
const WORKER: &str = "
    onactivate = (event) => event.waitUntil((async () => {
      await registration.navigationPreload.enable();
      await registration.navigationPreload.setHeaderValue(' v7\\t');
      await clients.claim();
    })());
    onfetch = (event) => {
      if (event.request.mode !== 'navigate') return;
      const made = (text) => new Response(`<script>console.log('${text}')</script>`,
        { headers: { 'content-type': 'text/html' } });
      event.respondWith(event.preloadResponse.then(
        (response) => response ?? made('nothing preloaded'),
        (error) => made(`no network: ${error.name}`)));
    };";

/// A page that is controlled by [`WORKER`].
fn preloading(profile: &Path) -> (Site, Kiosk) {
    let site = Site::new(WORKER);
    let page = format!("{PAGE}<script>console.log('from the network')</script>");
    site.server.serve("/page", "text/html", &page);
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile));
    kiosk.wait_until_controlled();
    (site, kiosk)
}

fn state(kiosk: &mut Kiosk, before: &str) -> Result<serde_json::Value, String> {
    kiosk.settle(&format!(
        "navigator.serviceWorker.ready.then(async ({{ navigationPreload }}) => {{ \
           {before}; \
           const {{ enabled, headerValue }} = await navigationPreload.getState(); \
           return [enabled, headerValue]; \
         }})"
    ))
}

/// What the header said of each request of the page.
fn headers_of_requests(site: &Site) -> Vec<Option<String>> {
    let asked = site.server.asked_for("/page");
    asked
        .iter()
        .map(|it| it.headers.get(HEADER).cloned())
        .collect()
}

#[test]
fn the_worker_gets_what_was_preloaded_also_after_a_restart() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = preloading(profile.path());
    assert_eq!(state(&mut kiosk, ""), Ok(json!([true, "v7"])));
    kiosk.evaluate("location = '/page'");
    kiosk.wait_for_console("from the network");
    // One request, whose answer the worker has passed on.
    assert_eq!(headers_of_requests(&site), [Some("v7".to_owned())]);
    kiosk.terminate();

    let mut kiosk = Kiosk::with_fast_retries(profile.path()).open(&site.server.url("/page"));
    kiosk.wait_for_console("from the network");
    let expected = vec![Some("v7".to_owned()); 2];
    assert_eq!(headers_of_requests(&site), expected);
    assert_eq!(state(&mut kiosk, ""), Ok(json!([true, "v7"])));
}

#[test]
fn nothing_is_preloaded_once_it_is_disabled() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = preloading(profile.path());
    // What can't be sent is no value.
    let refused = state(
        &mut kiosk,
        "await navigationPreload.setHeaderValue('a\\nb')",
    );
    assert_eq!(refused, Err("TypeError".to_owned()));
    let disabled = state(&mut kiosk, "await navigationPreload.disable()");
    assert_eq!(disabled, Ok(json!([false, "v7"])));
    kiosk.evaluate("location = '/page'");
    kiosk.wait_for_console("nothing preloaded");
    assert_eq!(headers_of_requests(&site), []);
}

#[test]
fn a_worker_without_a_network_hears_of_it() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = preloading(profile.path());
    kiosk.set_network("offline");
    kiosk.evaluate("location = '/page'");
    kiosk.wait_for_console("no network: TypeError");
    assert_eq!(headers_of_requests(&site), []);
}

#[test]
fn a_redirect_is_preloaded_as_one() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (site, mut kiosk) = preloading(profile.path());
    site.server.serve_redirect("/moved", "/page");
    kiosk.evaluate("location = '/moved'");
    kiosk.wait_for_console("from the network");
    assert_eq!(
        kiosk.settle("Promise.resolve(location.pathname)"),
        Ok(json!("/page"))
    );
    assert_eq!(headers_of_requests(&site), [Some("v7".to_owned())]);
}
