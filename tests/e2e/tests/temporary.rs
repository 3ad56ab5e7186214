//! Nothing of a temporary profile outlives its kiosk.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use background_sync_e2e::{FAST_RETRIES, Kiosk, KioskBuilder, PATIENCE, Site};
use serde_json::json;

/// What could be found: a registration's tag, a word of the worker's script, what a person has typed.
const TAG: &str = "the-tag-of-a-registration";
const SCRIPT: &str = "a_function_of_the_worker";
const TYPED: &str = "what-a-person-has-typed";

/// How soon it is gone once the kiosk is.
const SOON: Duration = PATIENCE;

fn site() -> Site {
    Site::new(&format!(
        "function {SCRIPT}() {{}} self.addEventListener('sync', (event) => event.waitUntil(post('/sync')));"
    ))
}

/// Opens the page, stores what a person could have typed, and registers a sync that waits.
fn fill(site: &Site, builder: KioskBuilder) -> Kiosk {
    let mut kiosk = site.open_with(builder.background_sync(FAST_RETRIES));
    kiosk.set_network("offline");
    kiosk
        .settle(&format!(
            "new Promise((resolve, reject) => {{ \
             localStorage.typed = {TYPED:?}; document.cookie = 'typed={TYPED}; max-age=9999'; \
             const opened = indexedDB.open('outbox'); \
             opened.onupgradeneeded = () => opened.result.createObjectStore('messages').put({TYPED:?}, 1); \
             opened.onsuccess = () => resolve(); opened.onerror = () => reject(opened.error); }})"
        ))
        .expect("stored");
    kiosk
        .settle(&format!("registration.sync.register({TAG:?})"))
        .expect("registered");
    kiosk
}

/// Every file below a folder, with what is in it.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    // What is deleted meanwhile is gone.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files.extend(self::files(&path)),
            Ok(kind) if kind.is_file() => files.extend(
                fs::read(&path)
                    .ok()
                    .map(|content| (path.display().to_string(), content)),
            ),
            _ => {}
        }
    }
    files
}

/// The files that have this text in them.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    files(folder)
        .into_iter()
        .filter(|(_, content)| {
            content
                .windows(text.len())
                .any(|window| window == text.as_bytes())
        })
        .map(|(path, _)| path)
        .collect()
}

fn entries(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it exists").flatten();
    entries
        .map(|entry| entry.path().display().to_string())
        .collect()
}

#[test]
fn a_profile_that_is_kept_has_it_all_in_files() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = site();
    let mut kiosk = fill(&site, Kiosk::builder().profile(profile.path()));
    kiosk.kill();
    for text in [TAG, SCRIPT, TYPED] {
        assert_ne!(
            files_with(profile.path(), text),
            Vec::<String>::new(),
            "{text}"
        );
    }
}

#[test]
fn a_killed_kiosk_leaves_nothing_of_a_temporary_profile() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let site = site();
    let mut kiosk = fill(&site, Kiosk::builder().temporary(folder.path()));
    // Syncs and workers never reach a file: there is no moment at which a power cut could leave them.
    for text in [TAG, SCRIPT] {
        assert_eq!(
            files_with(folder.path(), text),
            Vec::<String>::new(),
            "{text}"
        );
    }
    kiosk.kill();
    let deadline = Instant::now() + SOON;
    while !entries(folder.path()).is_empty() {
        assert!(
            Instant::now() < deadline,
            "left behind: {:?}",
            entries(folder.path())
        );
        thread::sleep(Duration::from_millis(20));
    }

    let mut kiosk = Kiosk::builder()
        .temporary(folder.path())
        .open("about:blank");
    assert_eq!(kiosk.wait_for_sync("restored")["count"], 0);
}

#[test]
fn a_temporary_profile_works_until_the_kiosk_ends_and_is_gone_then() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let site = site();
    let mut kiosk = fill(&site, Kiosk::builder().temporary(folder.path()));
    assert_eq!(
        kiosk.settle("registration.sync.getTags()"),
        Ok(json!([TAG]))
    );
    kiosk.close_window();
    kiosk.set_network("online");
    site.server.wait_for(1);
    kiosk.wait_for_sync("finished");
    assert!(kiosk.hang_up().success());
    assert_eq!(entries(folder.path()), Vec::<String>::new());
}
