//! Another embedder than the kiosk works with the same patched Servo.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use background_sync_e2e::{Site, run};
use serde_json::json;

/// Registers a sync as soon as the worker is active.
const PAGE: &str = r"<!DOCTYPE html><meta charset=utf-8><script>
  navigator.serviceWorker.register('/sw.js');
  navigator.serviceWorker.ready.then((registration) => registration.sync.register('hello'));
</script>";

#[test]
fn a_small_embedder_allows_lists_explains_and_fires() {
    let embedder = env::var_os("BACKGROUND_SYNC_EMBEDDER").map(PathBuf::from);
    let embedder = embedder.filter(|path| path.is_file()).expect(
        "BACKGROUND_SYNC_EMBEDDER must be the path of the built embedder; run this test with ./mach test",
    );
    let site = Site::new(
        "self.addEventListener('sync', (event) => \
           event.waitUntil(post('/sync', [event.tag, navigator.onLine])));",
    );
    site.server.serve("/", "text/html", PAGE);
    let url = site.server.url("/");
    let origin = url.trim_end_matches('/');
    let output = run(Command::new(embedder)
        .arg(&url)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY"));
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{errors}");
    let mut lines: Vec<_> = told.lines().collect();
    // Its page may not have seen the promise resolve yet, or there is no network: either is right.
    let reason = lines.remove(2);
    assert!(reason.starts_with("not fired: "), "{told}");
    assert_eq!(
        lines,
        [
            format!("{origin} asks for BackgroundSync").as_str(),
            "hello: Pending",
            "fired: Fulfilled"
        ]
    );
    let received = site.server.received();
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(received[0].body, json!(["hello", false]));
}
