#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fs;

use background_sync_store::WORKERS_FILE_NAME;

use super::*;

const SOON: Duration = Duration::from_secs(10);
const RETRY_DELAY: Duration = Duration::from_millis(20);

/// Each of another origin.
fn numbered(number: usize) -> ScopeKey {
    let origin = format!("https://{number}.example");
    ScopeKey {
        scope: format!("{origin}/").try_into().unwrap(),
        origin: (&*origin).try_into().unwrap(),
    }
}

fn worker() -> StoredWorker {
    StoredWorker {
        script_url: "https://a.example/sw.js".try_into().unwrap(),
        source: b"1".to_vec().try_into().unwrap(),
        imports: Default::default(),
        headers: Default::default(),
        updates: Default::default(),
        handles_fetch: true,
        navigation_preload: Default::default(),
    }
}

fn next_revived(from_workers: &Receiver<FromWorkers>) -> (ScopeKey, StoredWorker) {
    match from_workers.recv_timeout(SOON).unwrap() {
        FromWorkers::Revived { scope, worker } => (scope, worker),
        FromWorkers::Cleared { .. } => panic!("nothing was cleared"),
        FromWorkers::PutDone { scope } => panic!("{scope} was not looked up"),
    }
}

/// After a restart with many registrations, all of them ask at once.
#[test]
fn no_cold_start_is_left_out_because_many_ask() {
    const SCOPES: usize = 300;
    let folder = tempfile::tempdir().unwrap();
    let mut store = WorkerStore::open(folder.path()).unwrap();
    (0..SCOPES).for_each(|number| store.put(&numbered(number), &worker()).unwrap());
    drop(store);
    let storage = Storage::Directory(folder.path().to_owned());
    let (mut workers, from_workers, _) =
        Workers::spawn(OpenedWorkers::open(&storage), RETRY_DELAY).unwrap();
    (0..SCOPES).for_each(|number| workers.revive(&numbered(number)));
    for number in 0..SCOPES {
        assert_eq!(next_revived(&from_workers).0, numbered(number));
    }
}

#[test]
fn a_file_that_cannot_be_read_now_is_read_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = WorkerStore::open(folder.path()).unwrap();
    store.put(&numbered(1), &worker()).unwrap();
    // Another process has it open.
    let storage = Storage::Directory(folder.path().to_owned());
    let (mut workers, from_workers, _) =
        Workers::spawn(OpenedWorkers::open(&storage), RETRY_DELAY).unwrap();
    workers.revive(&numbered(1));
    workers.clear(Clear::Scope(numbered(2)), Call(7));
    let failed = from_workers.recv_timeout(SOON).unwrap();
    assert!(matches!(
        failed,
        FromWorkers::Cleared {
            call: Call(7),
            result: Err(_)
        }
    ));
    store.put(&numbered(2), &worker()).unwrap();
    drop(store);
    assert_eq!(next_revived(&from_workers).0, numbered(1));
    drop(workers);
    // What could not be cleared before is gone in the end.
    let mut store = WorkerStore::open(folder.path()).unwrap();
    assert_eq!(store.load(&numbered(2)).unwrap(), None);
    assert!(store.load(&numbered(1)).unwrap().is_some());
    assert!(fs::exists(folder.path().join(WORKERS_FILE_NAME)).unwrap());
}

#[test]
fn the_file_is_closed_and_complete_when_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::Directory(folder.path().to_owned());
    for round in 0..20_u8 {
        let (mut workers, revived, _) =
            Workers::spawn(OpenedWorkers::open(&storage), RETRY_DELAY).unwrap();
        let scope = |round: u8| ScopeKey {
            origin: "https://a.example".try_into().unwrap(),
            scope: format!("https://a.example/{round}").try_into().unwrap(),
        };
        if let Some(before) = round.checked_sub(1) {
            workers.revive(&scope(before));
            let (_, worker) = next_revived(&revived);
            assert_eq!(worker.source.as_bytes(), [before]);
        }
        let worker = StoredWorker {
            script_url: "https://a.example/sw.js".try_into().unwrap(),
            source: vec![round].try_into().unwrap(),
            imports: Default::default(),
            headers: Default::default(),
            updates: Default::default(),
            handles_fetch: true,
            navigation_preload: Default::default(),
        };
        workers.put(scope(round), worker);
    }
}
