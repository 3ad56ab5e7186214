//! `register()` and what it takes to start the worker without its page.

use std::fs;
use std::path::Path;

use background_sync::traits::{Caller, SyncEventKind, SyncRequest, SyncResponse};
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
    let authority = browser.authority(&scope());
    announce_worker_with(browser, authority);
}

fn announce_worker_with(browser: &Browser, authority: traits::WorkerAuthority) {
    browser.send(SyncManagerMessage::StoreWorker {
        authority,
        scope: scope(),
        worker: traits::StoredWorker {
            script_url: "https://a.example/sw.js".try_into().unwrap(),
            source: vec![b'1'; SCRIPT_BYTES].try_into().unwrap(),
            imports: Default::default(),
            headers: Default::default(),
            updates: Default::default(),
            handles_fetch: true,
            navigation_preload: Default::default(),
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
        caller: Caller::Page,
    });
    let reply = page.reply();
    assert_eq!(reply.call, call);
    assert!(matches!(
        reply.response,
        SyncResponse::Registered(Err(RegisterError::NoActiveWorker))
    ));
}

/// It is in use, and its page may go on to register.
#[test]
fn a_worker_whose_data_was_cleared_is_asked_for_anew() {
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start(offline(folder.path()));
    announce_worker(&browser);
    let page = browser.page();
    page.register("x").unwrap();
    let control = browser.thread.as_ref().unwrap().control();
    let cleared = control.clear(Clear::All).wait_timeout(SOON).unwrap();
    assert_eq!(cleared, Ok(1));
    page.register("y").unwrap();
    let event = browser.event();
    let SyncEventKind::Authority(authority) = event.kind else {
        panic!("not a question: {event:?}");
    };
    assert_eq!(event.scope, scope());
    announce_worker_with(&browser, authority);
    page.register("z").unwrap();
    browser.assert_no_event();
    drop(browser);
    let stored = WorkerStore::in_folder(folder.path())
        .load(&scope())
        .unwrap();
    assert!(stored.is_some());
}

/// A page may not have heard yet that it was unregistered.
#[test]
fn what_is_registered_after_the_worker_was_unregistered_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start(offline(folder.path()));
    let authority = browser.authority(&scope());
    let page = browser.page();
    page.register("x").unwrap();
    browser.send(SyncManagerMessage::WorkerUnregistered {
        authority,
        scope: scope(),
    });
    assert_eq!(page.register("y"), Err(RegisterError::NoActiveWorker));
    assert_eq!(page.tags(), [""; 0]);
    browser.send(SyncManagerMessage::WorkerActivated {
        authority,
        scope: scope(),
    });
    page.register("y").unwrap();
    assert_eq!(page.tags(), ["y"]);
}

/// It was replaced by one that can't be kept: after a restart, the old version must not come back.
#[test]
fn a_worker_that_is_forgotten_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start(offline(folder.path()));
    announce_worker(&browser);
    let authority = browser.authority(&scope());
    browser.send(SyncManagerMessage::ForgetWorker {
        authority,
        scope: scope(),
    });
    drop(browser);
    let stored = WorkerStore::in_folder(folder.path())
        .load(&scope())
        .unwrap();
    assert!(stored.is_none());
}
