//! Another embedder than the kiosk works with the same patched Servo.

#![cfg(feature = "offline")]

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use background_sync_e2e::{Answer, Site, run};
use serde_json::json;

/// Registers a sync as soon as the worker is active.
const PAGE: &str = r"<!DOCTYPE html><meta charset=utf-8><script>
  navigator.serviceWorker.register('/sw.js');
  navigator.serviceWorker.ready.then((registration) => registration.sync.register('hello'));
</script>";

/// Asks for what nobody answers.
const ASKS_IN_VAIN: &str = r"<!DOCTYPE html><meta charset=utf-8><script>
  navigator.serviceWorker.register('/sw.js');
  navigator.serviceWorker.ready.then(async (registration) => {
    registration.sync.register('hello');
    await fetch('/asked', { method: 'POST' });
    document.title = 'done';
  });
</script>";

/// Is loaded again once its worker has stored it; then the server has no page any more.
const OFFLINE_APP: &str = r"<!DOCTYPE html><meta charset=utf-8><script>
  navigator.serviceWorker.register('/sw.js');
  navigator.serviceWorker.ready.then(async () => {
    if (navigator.serviceWorker.controller) {
      document.title = 'done';
    } else {
      await fetch('/installed', { method: 'POST' });
      location.reload();
    }
  });
</script>";

const OFFLINE_WORKER: &str = r"
  self.addEventListener('install', (event) =>
    event.waitUntil(caches.open('app').then((cache) => cache.addAll(['/']))));
  self.addEventListener('fetch', (event) =>
    event.respondWith(caches.match(event.request).then((found) => found ?? fetch(event.request))));";

/// Opens the page; returns what the program tells. It must say that all went well.
fn run_embedder(site: &Site, arguments: &[&str]) -> Vec<String> {
    run_embedder_with(PAGE, site, arguments)
}

fn run_embedder_with(page: &str, site: &Site, arguments: &[&str]) -> Vec<String> {
    let embedder = env::var_os("BACKGROUND_SYNC_EMBEDDER").map(PathBuf::from);
    let embedder = embedder.filter(|path| path.is_file()).expect(
        "BACKGROUND_SYNC_EMBEDDER must be the path of the built embedder; run this test with ./mach test",
    );
    site.server.serve("/", "text/html", page);
    let output = run(Command::new(embedder)
        .arg(site.server.url("/"))
        .args(arguments)
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY"));
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{errors}");
    told.lines().map(str::to_owned).collect()
}

const WORKER: &str = "self.addEventListener('sync', (event) => \
    event.waitUntil(post('/sync', [event.tag, navigator.onLine])));";

#[test]
fn a_small_embedder_allows_lists_explains_and_fires() {
    let site = Site::new(WORKER);
    let mut lines = run_embedder(&site, &[]);
    let url = site.server.url("/");
    let origin = url.trim_end_matches('/');
    // Its page may not have seen the promise resolve yet, or there is no network: either is right.
    let reason = lines.remove(2);
    assert!(reason.starts_with("not fired: "), "{reason}");
    // Before the page has seen that, there is a limit for it to see it.
    let wake_up = lines.remove(3);
    assert!(wake_up.starts_with("next wake-up: "), "{wake_up}");
    assert_eq!(
        lines,
        [
            &*format!("{origin} asks for BackgroundSync"),
            "hello: Pending",
            "journal: registered hello",
            "fired: Fulfilled"
        ]
    );
    let received = site.server.received();
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(received[0].body, json!(["hello", false]));
}

#[test]
fn what_the_embedder_denies_is_rejected() {
    let site = Site::new(WORKER);
    let lines = run_embedder(&site, &["--deny"]);
    let url = site.server.url("/");
    let origin = url.trim_end_matches('/');
    assert_eq!(lines[0], format!("{origin} asks for BackgroundSync"));
    assert!(lines[1].starts_with("rejected: "), "{lines:?}");
    assert!(
        lines[1].contains("has disabled background sync"),
        "{lines:?}"
    );
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(site.server.received(), []);
}

#[test]
fn the_embedder_removes_a_sync() {
    let site = Site::new(WORKER);
    let lines = run_embedder(&site, &["--unregister"]);
    assert_eq!(
        lines[lines.len() - 4..],
        [
            "unregistered: Ok(1)",
            "again: Ok(0)",
            "left: 0",
            "removed: hello, Cleared"
        ]
    );
    assert_eq!(site.server.received(), []);
}

#[test]
fn the_embedder_removes_the_syncs_of_a_site_and_of_no_other() {
    let site = Site::new(WORKER);
    let lines = run_embedder(&site, &["--clear"]);
    assert_eq!(
        lines[lines.len() - 3..],
        [
            "left by another site: 1",
            "left: 0",
            "removed: hello, Cleared"
        ]
    );
    assert_eq!(site.server.received(), []);
}

#[test]
fn a_prompt_that_nobody_answers_does_not_keep_the_browser_from_ending() {
    let site = Site::new(WORKER);
    let ended = std::thread::scope(|scope| {
        let running = scope.spawn(|| {
            run_embedder_with(ASKS_IN_VAIN, &site, &["--hold"]);
            Instant::now()
        });
        site.server.wait_for(1);
        let asked = Instant::now();
        running.join().expect("it ends well") - asked
    });
    assert!(ended < Duration::from_secs(5), "{ended:?}");
}

#[test]
fn an_offline_app_is_loaded_without_its_server() {
    let site = Site::new(OFFLINE_WORKER);
    site.server.answer_next([Answer::Hold]);
    std::thread::scope(|scope| {
        // Ends well only if the page that is loaded again is the one that was stored.
        let running = scope.spawn(|| run_embedder_with(OFFLINE_APP, &site, &["--hold"]));
        site.server.wait_for(1);
        site.server.serve_status("/", 503);
        site.server.release();
        running.join().expect("it ends well");
    });
}
