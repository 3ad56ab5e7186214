//! Offline apps made of what others have published, in the kiosk.

use background_sync_apps::{ACTS, App, KioskProduct, build, play};

fn plays_to_its_end(name: &str) {
    let Some(built) = build() else { return };
    let app = App::named(name).expect("it is in the list");
    let outcomes = play(app, &built, &KioskProduct);
    for (act, outcome) in ACTS.iter().zip(&outcomes) {
        if let Err(reason) = outcome {
            panic!("{name}: {}: {reason}", act.title);
        }
    }
    assert_eq!(outcomes.len(), ACTS.len());
}

#[test]
fn workbox_plugin() {
    plays_to_its_end("workbox-plugin");
}

#[test]
fn workbox_queue() {
    plays_to_its_end("workbox-queue");
}

#[test]
fn tanstack() {
    plays_to_its_end("tanstack");
}

#[test]
fn angular() {
    plays_to_its_end("angular");
}

#[test]
fn vite_pwa() {
    plays_to_its_end("vite-pwa");
}

#[test]
fn serwist() {
    plays_to_its_end("serwist");
}

#[test]
fn idb() {
    plays_to_its_end("idb");
}

#[test]
fn dexie() {
    plays_to_its_end("dexie");
}

#[test]
fn localforage() {
    plays_to_its_end("localforage");
}

#[test]
fn emoji() {
    plays_to_its_end("emoji");
}
