//! How often the medium is told to flush: nothing that was not written costs a flush, and IndexedDB flushes when something
//! depends on it, or when its page asks for that.

use background_sync_e2e::power_cut::{Disk, Journal, can_cut_power};
use background_sync_e2e::{Kiosk, Site, in_namespace, leave_out};

/// Of each kind.
const CALLS: u64 = 40;

/// Each stores a record in a transaction of its own.
const PUT: &str = "async (index, durability) => { \
    const transaction = database.transaction('outbox', 'readwrite', durability ? { durability } : {}); \
    transaction.objectStore('outbox').put(Math.random(), index); \
    await new Promise((done, failed) => { \
      transaction.oncomplete = done; transaction.onabort = failed; }); }";

/// Opens the database, with a store.
const OPEN: &str = "new Promise((done, failed) => { \
    const request = indexedDB.open('flushes', 1); \
    request.onupgradeneeded = () => request.result.createObjectStore('outbox'); \
    request.onsuccess = () => { window.database = request.result; done(); }; \
    request.onerror = failed; })";

/// Does `call` so often, one after the other; returns how often the disk was told to flush.
fn flushes(kiosk: &mut Kiosk, disk: &Disk, call: &str) -> u64 {
    let before = disk.flushes();
    kiosk
        .settle(&format!(
            "(async () => {{ const put = {PUT}; \
               for (let index = 0; index < {CALLS}; index++) {{ {call} }} }})()"
        ))
        .expect("all are done");
    disk.flushes() - before
}

#[test]
fn what_was_not_written_costs_no_flush() {
    const NAME: &str = "what_was_not_written_costs_no_flush";
    in_namespace(NAME, || {
        if let Err(reason) = can_cut_power() {
            return leave_out(NAME, &reason);
        }
        let scratch = tempfile::tempdir().expect("a writable folder");
        let path = |name: &str| scratch.path().join(name);
        let disk =
            Disk::make(path("image"), &path("disk"), Journal::Ordered).expect("tried before");
        let site = Site::new("");
        let mut kiosk = site.open_with(Kiosk::with_fast_retries(&path("disk")));
        kiosk.set_network("offline");
        kiosk.settle(OPEN).expect("opened");
        // What is new is flushed with its folders.
        kiosk
            .settle(&format!(
                "({PUT})(-1, 'strict').then(() => registration.sync.register('first'))"
            ))
            .expect("registered");
        let mut count = |call: &str| flushes(&mut kiosk, &disk, call);

        let register = count("await registration.sync.register(`a${index}`);");
        let put = count("await put(index);");
        let relaxed = count("await put(index, 'relaxed');");
        let strict = count("await put(index, 'strict');");
        let set_item = count("localStorage.setItem('key', Math.random());");
        let both = count(
            "await put(index); localStorage.setItem('key', Math.random()); \
             await registration.sync.register(`b${index}`);",
        );
        println!(
            "flushes of {CALLS} calls: register() {register}; a transaction {put}, relaxed {relaxed}, strict {strict}; \
             setItem() {set_item}; a transaction, setItem() and register() {both}"
        );
        // Now and then SQLite moves its log into the database, and the journal of syncs is stored.
        let few = CALLS / 2;
        for count in [put, relaxed, set_item] {
            assert!(count <= few, "{count}");
        }
        assert!((CALLS..=CALLS + few).contains(&register), "{register}");
        // One, and another of ext4's own if the log has grown.
        let of_log = CALLS..=2 * CALLS + few;
        assert!(of_log.contains(&strict), "{strict}");
        // Each of the three stores.
        assert!((3 * CALLS..=5 * CALLS + 2 * few).contains(&both), "{both}");
    });
}
