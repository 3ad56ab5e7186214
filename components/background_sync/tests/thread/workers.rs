//! `register()` and what it takes to start the worker without its page.

use std::fs;
use std::path::Path;

use background_sync::traits::{SyncRequest, SyncResponse};
use background_sync::*;
use background_sync_store::{WORKERS_FILE_NAME, WorkerStore};

use crate::support::*;

/// Long enough that storing it takes longer than storing a registration.
const SCRIPT_BYTES: usize = 1024 * 1024;

fn offline(folder: &Path) -> Config {
    Config::new()
        .policy(quick())
        .connectivity(Connectivity::Offline)
        .directory(folder)
}

fn announce_worker(browser: &Browser) {
    browser.send(SyncManagerMessage::StoreWorker {
        authority: browser.authority(&scope()),
        scope: scope(),
        worker: traits::StoredWorker {
            script_url: "https://a.example/sw.js".try_into().unwrap(),
            source: vec![b'1'; SCRIPT_BYTES].try_into().unwrap(),
            imports: Default::default(),
        },
    });
}

/// What a kill right after the answer leaves behind.
#[test]
fn register_is_answered_when_its_worker_is_stored() {
    for round in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let browser = Browser::start(offline(folder.path()));
        announce_worker(&browser);
        browser.page().register("x").unwrap();
        let copy = tempfile::tempdir().unwrap();
        let file = |folder: &Path| folder.join(WORKERS_FILE_NAME);
        fs::copy(file(folder.path()), file(copy.path())).unwrap();
        let stored = WorkerStore::in_folder(copy.path()).load(&scope()).unwrap();
        assert!(stored.is_some(), "in round {round}");
    }
}

/// The registration is as good as its page then.
#[test]
fn a_worker_that_cannot_be_stored_does_not_cost_the_registration() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(WORKERS_FILE_NAME)).unwrap();
    let browser = Browser::start(offline(folder.path()));
    let page = browser.page();
    announce_worker(&browser);
    page.register("x").unwrap();
    assert_eq!(page.tags(), ["x"]);
}

#[test]
fn a_rejected_register_waits_for_no_worker() {
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start(offline(folder.path()));
    let page = browser.page();
    announce_worker(&browser);
    let call = page.request(SyncRequest::Register {
        tag: "x".try_into(),
        active_worker: false,
    });
    let reply = page.reply();
    assert_eq!(reply.call, call);
    assert!(matches!(
        reply.response,
        SyncResponse::Registered(Err(RegisterError::NoActiveWorker))
    ));
}
