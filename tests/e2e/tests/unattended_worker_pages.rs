//! A page that a service worker has made, so that no request tells of it, is not shown if its origin is not allowed.

#![cfg(feature = "offline")]

use background_sync_e2e::{Kiosk, Site, TestServer};

#[test]
fn the_start_page_returns() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let worker = "onfetch = (event) => event.request.mode === 'navigate' && event.respondWith( \
          new Response('<title>made</title>', { headers: { 'Content-Type': 'text/html' } }));";
    let (site, mut kiosk) = Site::controlled_by(worker, profile.path());
    // What was allowed once.
    kiosk.evaluate("location.href = '/made', 0");
    kiosk.wait_for("the made page", |event| {
        event["event"] == "address" && event["url"] == site.server.url("/made").as_str()
    });
    kiosk.terminate();

    let app = TestServer::start();
    app.serve(
        "/",
        "text/html",
        "<!DOCTYPE html><title>app</title><script>console.log('app loaded')</script>",
    );
    let mut kiosk = Kiosk::builder()
        .profile(profile.path())
        .setting("allowed_origins = []")
        .open(&app.url("/"));
    kiosk.wait_for_console("app loaded");
    // Until the browser knows that there is a worker, the server would be asked, and nothing is.
    kiosk.evaluate(&format!(
        "setInterval(() => location.href = '{}', 50), 0",
        site.server.url("/made")
    ));
    kiosk.wait_for("the start page to return", |event| {
        event["event"] == "navigation-blocked" && event["instead"] == "start-page"
    });
    kiosk.wait_for_console("app loaded");
    assert_eq!(kiosk.evaluate("document.title + history.length"), "app1");
}
