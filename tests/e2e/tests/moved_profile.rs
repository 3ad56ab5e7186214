//! A profile is a folder that may be moved: to another disk, or by a backup that is brought back elsewhere.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use background_sync_e2e::{INDEXED_DB, Kiosk, Site};
use serde_json::json;
use tempfile::TempDir;

/// Posts what it finds in IndexedDB, or why it finds nothing.
const WORKER: &str = r"
  self.addEventListener('sync', (event) => event.waitUntil(
    inOutbox('readonly', (store) => store.getAll())
      .catch((error) => error.name)
      .then((found) => post('/sync', [event.tag, found]))));
";

/// Gives each database the absolute path that Servo as published has stored for it: of where the profile is now.
const WITH_ABSOLUTE_PATHS: &str = r"
import sqlite3, sys
registry, folder = sys.argv[1:]
connection = sqlite3.connect(registry)
rows = connection.execute('SELECT id, path FROM directories').fetchall()
for row, path in rows:
    path = folder + '/' + path[path.rindex('bottles/'):]
    connection.execute('UPDATE directories SET path = ? WHERE id = ?', (path, row))
connection.commit()
connection.close()
print(len(rows))
";

/// A profile that has everything in it, and a sync that waits; its kiosk has ended in order.
struct Before {
    site: Site,
    scratch: TempDir,
}

impl Before {
    fn make() -> Self {
        let site = Site::new(&format!("{INDEXED_DB}{WORKER}"));
        site.add_to_page(INDEXED_DB);
        let scratch = tempfile::tempdir().expect("a writable folder");
        let before = Self { site, scratch };
        let mut kiosk = before
            .site
            .open_with(Kiosk::with_fast_retries(&before.path("old")));
        kiosk
            .settle("inOutbox('readwrite', (store) => store.put('in IndexedDB', 1))")
            .expect("stored");
        kiosk.evaluate("localStorage.setItem('item', 'in localStorage'), 0");
        kiosk.set_network("offline");
        kiosk.register_sync("waits");
        kiosk.quit();
        before
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// At the new place, the sync fires by itself, and the page finds what it had.
    fn assert_all_is_found(&self) {
        let mut kiosk = Kiosk::with_fast_retries(&self.path("new")).open("about:blank");
        kiosk.wait_for("the empty page", |event| event["status"] == "complete");
        assert_eq!(
            self.site.server.wait_for(1)[0].body,
            json!(["waits", ["in IndexedDB"]])
        );
        kiosk.wait_for("the event to succeed", |event| {
            event["outcome"] == "Fulfilled"
        });
        kiosk.command(&format!("open {}", self.site.server.url("/")));
        kiosk.wait_for_console("page ready");
        assert_eq!(
            kiosk.evaluate("localStorage.getItem('item')"),
            "in localStorage"
        );
        // What is new goes to the same database.
        kiosk
            .settle("inOutbox('readwrite', (store) => store.put('new', 2))")
            .expect("stored");
        assert_eq!(
            kiosk.settle("inOutbox('readonly', (store) => store.getAll())"),
            Ok(json!(["in IndexedDB", "new"]))
        );
        kiosk.quit();
        assert!(!self.path("old").exists(), "nothing goes to the old place");
    }
}

/// Runs a program to its success; returns what it prints.
fn output(command: &mut Command) -> String {
    let output = command.output().expect("it is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_profile_that_was_renamed() {
    let before = Before::make();
    fs::rename(before.path("old"), before.path("new")).expect("one disk");
    before.assert_all_is_found();
}

#[test]
fn a_copy_of_a_profile_that_is_gone() {
    let before = Before::make();
    let mut copy = Command::new("cp");
    output(
        copy.arg("--archive")
            .args([before.path("old"), before.path("new")]),
    );
    fs::remove_dir_all(before.path("old")).expect("it is ours");
    before.assert_all_is_found();
}

/// Python, because the build of Servo needs it anyway, and it has SQLite with it.
#[test]
fn a_moved_profile_that_servo_as_published_has_made() {
    let before = Before::make();
    let folder = before.path("old/clientstorage/default_v1");
    let mut python = Command::new("python3");
    python
        .args(["-c", WITH_ABSOLUTE_PATHS])
        .args([folder.join("reg.sqlite"), folder]);
    assert_eq!(output(&mut python).trim(), "1", "databases");
    fs::rename(before.path("old"), before.path("new")).expect("one disk");
    before.assert_all_is_found();
}
