//! What a resolved `register()` has promised survives power cuts on a real file system: the sync, the message in IndexedDB,
//! the login, and `localStorage`.

#![cfg(feature = "offline")]

use std::path::PathBuf;

use background_sync_e2e::power_cut::{
    self, Disk, End, Journal, Promise, Report, Storage, Trial, Until, can_cut_power,
};
use background_sync_e2e::{Kiosk, Site, in_namespace, leave_out};
use tempfile::TempDir;

const ROUNDS: u32 = 12;
/// By then, storage that is not flushed must have lost something.
const ROUNDS_UNTIL_A_LOSS: u32 = 30;
/// The length of a body that a cache keeps in a file of its own, in bytes.
const LONG_BODY: usize = 300_000;

/// Plays rounds with lots of their own.
fn play(rounds: u32, end: End, storage: Storage, until: Until) -> Report {
    let report = power_cut::run(&Trial {
        rounds,
        // Printed: `./mach power-cuts --seed` draws the same lots again.
        seed: power_cut::any_seed(),
        end,
        storage,
        until,
    });
    println!("{report}");
    report
}

/// Runs a scenario where power can be cut.
fn with_disks(name: &str, scenario: fn()) {
    if let Err(reason) = can_cut_power() {
        return leave_out(name, &reason);
    }
    scenario();
}

#[test]
fn what_register_has_promised_survives_power_cuts() {
    const NAME: &str = "what_register_has_promised_survives_power_cuts";
    in_namespace(NAME, || {
        with_disks(NAME, || {
            let report = play(ROUNDS, End::PowerCut, Storage::Default, Until::AllRounds);
            assert_eq!(report.findings(), 0);
        });
    });
}

#[test]
fn what_register_has_promised_survives_kills() {
    let report = play(ROUNDS, End::Kill, Storage::Default, Until::AllRounds);
    assert_eq!(report.findings(), 0);
}

/// Without this, nobody would know that the tests above can fail.
#[test]
fn storage_that_is_not_flushed_loses_something() {
    const NAME: &str = "storage_that_is_not_flushed_loses_something";
    in_namespace(NAME, || {
        with_disks(NAME, || {
            let (end, until) = (End::PowerCut, Until::FirstFinding);
            let report = play(ROUNDS_UNTIL_A_LOSS, end, Storage::Relaxed, until);
            assert_eq!(report.broken(Promise::Profile), 0);
            assert!(report.losses() > 0);
        });
    });
}

/// What the test above has found lost was lost for this reason and no other.
#[test]
fn storage_that_is_not_flushed_loses_nothing_if_all_is_flushed_before_the_cut() {
    const NAME: &str = "storage_that_is_not_flushed_loses_nothing_if_all_is_flushed_before_the_cut";
    in_namespace(NAME, || {
        with_disks(NAME, || {
            let (end, until) = (End::FlushAndPowerCut, Until::AllRounds);
            let report = play(ROUNDS, end, Storage::Relaxed, until);
            assert_eq!(report.findings(), 0);
        });
    });
}

#[test]
fn a_power_cut_takes_what_was_not_flushed_and_nothing_else() {
    const NAME: &str = "a_power_cut_takes_what_was_not_flushed_and_nothing_else";
    in_namespace(NAME, || {
        with_disks(NAME, || {
            for journal in [Journal::Ordered, Journal::Writeback] {
                let scratch = tempfile::tempdir().expect("a writable folder");
                let path = |name: &str| scratch.path().join(name);
                let disk = Disk::make(path("image"), &path("disk"), journal).expect("tried before");
                disk.write_durable("durable");
                disk.write_volatile("lost");
                let (disk, ()) = disk.cut(path("image-2"), &path("disk"), || ());
                assert!(disk.has("durable"));
                assert!(!disk.has("lost"));
                disk.write_volatile("flushed with everything");
                disk.flush();
                let (disk, ()) = disk.cut(path("image-3"), &path("elsewhere"), || ());
                assert!(disk.has("durable"));
                assert!(!disk.has("lost"));
                assert!(disk.has("flushed with everything"));
            }
        });
    });
}

/// A kiosk's profile on a disk of its own, and a site.
struct Machine {
    /// Always there but for the moment of a cut.
    disk: Option<Disk>,
    site: Site,
    /// Where the disk is mounted.
    scratch: TempDir,
}

impl Machine {
    fn start() -> Self {
        let scratch = tempfile::tempdir().expect("a writable folder");
        let path = |name: &str| scratch.path().join(name);
        let disk = Disk::make(path("image"), &path("disk"), Journal::Ordered);
        Self {
            disk: Some(disk.expect("tried before")),
            site: Site::new(""),
            scratch,
        }
    }

    fn profile(&self) -> PathBuf {
        self.scratch.path().join("disk")
    }

    fn open(&self) -> Kiosk {
        self.site
            .open_with(Kiosk::with_fast_retries(&self.profile()))
    }

    fn cut_power(&mut self, mut kiosk: Kiosk) {
        kiosk.freeze();
        let disk = self.disk.take().expect("it is there again after each cut");
        let image = self.scratch.path().join("image-2");
        let (disk, ()) = disk.cut(image, &self.profile(), || kiosk.kill());
        self.disk = Some(disk);
    }
}

/// Nothing is registered after it.
#[test]
fn a_strict_transaction_survives_a_power_cut() {
    const NAME: &str = "a_strict_transaction_survives_a_power_cut";
    in_namespace(NAME, || {
        with_disks(NAME, || {
            let mut machine = Machine::start();
            let mut kiosk = machine.open();
            let stored = kiosk.settle(&with_store(
                "readwrite', { durability: 'strict' }",
                "put('kept', 1)",
            ));
            stored.expect("stored");
            machine.cut_power(kiosk);
            let read = machine.open().settle(&with_store("readonly'", "get(1)"));
            assert_eq!(read, Ok(serde_json::json!("kept")));
        });
    });
}

/// Nothing is registered after it either. Of what is being stored, all is there or nothing.
#[test]
fn what_a_cache_has_promised_survives_a_power_cut() {
    const NAME: &str = "what_a_cache_has_promised_survives_a_power_cut";
    in_namespace(NAME, || {
        with_disks(NAME, || {
            let mut machine = Machine::start();
            machine
                .site
                .server
                .serve("/early", "text/plain", &"e".repeat(LONG_BODY));
            machine.site.server.serve("/late", "text/plain", "late");
            machine.site.server.hold_path("/late");

            let mut kiosk = machine.open();
            let long = format!("c.put('/long', new Response('l'.repeat({LONG_BODY})))");
            for call in [
                "c.put('/short', new Response('kept'))",
                &long,
                "c.put('/gone', new Response(''))",
            ] {
                let put = kiosk.settle(&format!("caches.open('app').then((c) => {call})"));
                put.expect("stored");
            }
            let deleted = kiosk.settle("caches.open('app').then((c) => c.delete('/gone'))");
            assert_eq!(deleted, Ok(serde_json::json!(true)));
            kiosk.evaluate("caches.open('app').then((c) => c.addAll(['/early', '/late'])), 0");
            machine.site.server.wait_for_held("/late");
            machine.cut_power(kiosk);

            let mut kiosk = machine.open();
            let stored = kiosk.settle(
                "caches.open('app').then(async (c) => { \
                   const keys = (await c.keys()).map((request) => new URL(request.url).pathname); \
                   const long = await (await c.match('/long')).text(); \
                   return [keys, await (await c.match('/short')).text(), long.length]; })",
            );
            let expected = serde_json::json!([["/short", "/long"], "kept", LONG_BODY]);
            assert_eq!(stored, Ok(expected));
            machine.site.server.release_path("/late");
            let added = kiosk.settle(
                "caches.open('app').then((c) => c.addAll(['/early', '/late']).then(() => c.match('/late'))) \
                   .then((response) => response.text())",
            );
            assert_eq!(added, Ok(serde_json::json!("late")));
        });
    });
}

/// What is in the system's cache outlives a kill, and no power cut.
#[test]
fn what_a_killed_browser_had_stored_is_durable_once_the_next_one_registers() {
    const NAME: &str = "what_a_killed_browser_had_stored_is_durable_once_the_next_one_registers";
    in_namespace(NAME, || {
        with_disks(NAME, || {
            let mut machine = Machine::start();
            let read = with_store("readonly'", "get(1)");
            let mut kiosk = machine.open();
            let stored = kiosk.settle(&with_store("readwrite'", "put('kept', 1)"));
            stored.expect("stored");
            kiosk.evaluate("localStorage.setItem('key', 'kept'), 0");
            kiosk.kill();
            let mut kiosk = machine.open();
            kiosk.set_network("offline");
            assert_eq!(kiosk.settle(&read), Ok(serde_json::json!("kept")));
            assert_eq!(kiosk.evaluate("localStorage.getItem('key')"), "kept");
            let registered = kiosk.settle("registration.sync.register('x')");
            registered.expect("registered");
            machine.cut_power(kiosk);
            let mut kiosk = machine.open();
            assert_eq!(kiosk.settle(&read), Ok(serde_json::json!("kept")));
            assert_eq!(kiosk.evaluate("localStorage.getItem('key')"), "kept");
        });
    });
}

/// Opens a database with one store, and returns the result of `call` on it once its transaction is complete.
fn with_store(mode: &str, call: &str) -> String {
    format!(
        "new Promise((done, failed) => {{ \
           const opening = indexedDB.open('strict', 1); \
           opening.onupgradeneeded = () => opening.result.createObjectStore('store'); \
           opening.onerror = failed; \
           opening.onsuccess = () => {{ \
             const transaction = opening.result.transaction('store', '{mode}); \
             const request = transaction.objectStore('store').{call}; \
             transaction.onabort = failed; \
             transaction.oncomplete = () => done(request.result); }}; }})"
    )
}
