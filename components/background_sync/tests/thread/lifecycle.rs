//! Start, stop, restart, and what happens without a stop.

use std::{fs, thread};

use background_sync::traits::SyncResponse;
use background_sync::*;
use crossbeam_channel::unbounded;

use crate::support::*;

fn on_disk(folder: &tempfile::TempDir) -> Config {
    Config::new()
        .policy(quick())
        .directory(folder.path().join("profile"))
}

#[test]
fn registrations_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let offline = on_disk(&folder).connectivity(Connectivity::Offline);
    let mut browser = Browser::start(offline.clone());
    browser.page().register("x").unwrap();
    browser.shutdown();
    let mut browser = Browser::start(offline);
    assert_eq!(browser.page().tags(), ["x"]);
    browser.report(Connectivity::Online);
    let event = browser.event();
    browser.finish(event.event, EventOutcome::Fulfilled);
    browser.shutdown();
    let browser = Browser::start(on_disk(&folder));
    assert_eq!(
        browser.page().tags(),
        [""; 0],
        "the removal was committed at the end"
    );
}

/// Both are there when the manager looks, and it may look at the end first.
#[test]
fn what_was_sent_before_the_end_counts() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let mut browser = Browser::start(on_disk(&folder));
        browser.page().register("x").unwrap();
        let event = browser.event();
        browser.finish(event.event, EventOutcome::Fulfilled);
        browser.shutdown();
        let browser = Browser::start(on_disk(&folder));
        assert_eq!(browser.page().tags(), [""; 0]);
    }
}

#[test]
fn an_event_that_runs_at_the_end_is_terminated_and_fires_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut browser = Browser::start(on_disk(&folder));
    browser.page().register("x").unwrap();
    let event = browser.event();
    browser.shutdown();
    let call = browser.engine.recv_timeout(SOON).unwrap();
    assert!(matches!(call, EngineCall::Terminate(token) if token == event.event));
    let browser = Browser::start(on_disk(&folder));
    browser.event();
}

/// What is on the disk once a promise is resolved is enough, whatever happens to the process.
#[test]
fn a_resolved_promise_is_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start(on_disk(&folder).connectivity(Connectivity::Offline));
    browser.page().register("x").unwrap();
    let copy = tempfile::tempdir().unwrap();
    fs::create_dir(copy.path().join("profile")).unwrap();
    // The database, and the log of what it does not have yet.
    for name in ["registrations.log", "registrations.redb"] {
        let file = |folder: &tempfile::TempDir| folder.path().join("profile").join(name);
        fs::copy(file(&folder), file(&copy)).unwrap();
    }
    let after_power_cut = Browser::start(on_disk(&copy));
    after_power_cut.event();
}

#[test]
fn dropping_the_thread_ends_it_and_frees_the_profile() {
    let folder = tempfile::tempdir().unwrap();
    let offline = on_disk(&folder).connectivity(Connectivity::Offline);
    let mut browser = Browser::start(offline.clone());
    browser.page().register("x").unwrap();
    drop(browser.thread.take());
    assert_eq!(Browser::start(offline).page().tags(), ["x"]);
}

#[test]
fn calls_outstanding_at_the_end_are_answered() {
    let mut browser = Browser::start_with(Config::new(), None, None).unwrap();
    let (replies, connection) = {
        let page = browser.page();
        page.ask_to_register("x");
        (page.replies.clone(), page.connection)
    };
    // It is being asked for.
    let question = browser.engine.recv_timeout(SOON).unwrap();
    browser.shutdown();
    let reply = replies.recv_timeout(SOON).unwrap();
    let why = Unavailability::ShuttingDown;
    let expected = SyncResponse::Registered(Err(RegisterError::Unavailable { why }));
    assert_eq!(reply.response, expected, "for {connection:?}");
    drop(question);
}

#[test]
fn it_goes_on_without_clients_and_ends_by_control() {
    let folder = tempfile::tempdir().unwrap();
    let mut browser = Browser::start(on_disk(&folder).connectivity(Connectivity::Offline));
    browser.page().register("x").unwrap();
    browser.messages = None;
    browser.report(Connectivity::Online);
    browser.event();
    browser.shutdown();
}

#[test]
fn two_managers_on_one_profile() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Browser::start(on_disk(&folder));
    let error = Browser::start_with(on_disk(&folder), Some(OPEN), None)
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .starts_with("another browser uses this profile"),
        "{error}"
    );
}

#[test]
fn a_thread_opens_the_stores_before_the_manager_starts() {
    let folder = tempfile::tempdir().unwrap();
    let config = on_disk(&folder).connectivity(Connectivity::Offline);
    let mut first = Browser::start(config.clone());
    first.page().register("x").unwrap();
    first.shutdown();
    let for_thread = config.clone();
    let opening = thread::spawn(|| SyncStores::open(for_thread));
    let stores = opening.join().unwrap().unwrap();
    // They are its own from then on.
    let second = SyncStores::open(config).unwrap_err();
    assert!(
        second
            .to_string()
            .starts_with("another browser uses this profile"),
        "{second}"
    );
    let browser = Browser::start_on(stores);
    assert_eq!(browser.page().tags(), ["x"]);
    browser.page().register("y").unwrap();
    assert_eq!(browser.page().tags(), ["x", "y"]);
}

#[test]
fn a_manager_that_could_not_start_says_so_to_pages() {
    let (messages, messages_in) = unbounded::<Result<Message, String>>();
    let path = "/home/somebody/profile".into();
    let full = StartError::Store(StoreError::Full { path });
    let thread = SyncManager::spawn_unavailable(&full, messages_in);
    let browser = Browser {
        thread: Some(thread),
        messages: Some(messages),
        engine: unbounded().1,
        notes: unbounded().1,
    };
    let page = browser.page();
    let error = page.register("x").unwrap_err();
    let problem = StorageProblem::Full;
    assert_eq!(error, RegisterError::Storage { problem });
    assert!(!error.to_string().contains('/'), "{error}");
    assert_eq!(page.tags(), [""; 0]);
}

#[test]
fn the_network_comes_and_goes() {
    let browser = Browser::start(Config::new().connectivity(Connectivity::Offline));
    let page = browser.page();
    page.register("x").unwrap();
    browser.assert_no_event();
    browser.report(Connectivity::Online);
    let event = browser.event();
    browser.report(Connectivity::Offline);
    browser.finish(event.event, EventOutcome::NotStarted);
    browser.report(Connectivity::Online);
    browser.assert_no_event();
    let authority = browser.authority(&scope());
    let scope = scope();
    browser.send(SyncManagerMessage::WorkerActivated {
        authority,
        scope: scope.clone(),
    });
    browser.event();
    browser.send(SyncManagerMessage::WorkerUnregistered { authority, scope });
    assert_eq!(page.tags(), [""; 0]);
}

/// An event fires with no window open: its engine need not look for one.
#[test]
fn only_register_needs_an_open_window() {
    let browser = Browser::start_with(Config::new().policy(quick()), None, None).unwrap();
    let page = browser.page();
    let question = || match browser.engine.recv_timeout(SOON).unwrap() {
        EngineCall::Query(_, responder) => responder,
        other => panic!("not a question: {other:?}"),
    };
    let call = page.ask_to_register("x");
    let for_register = question();
    assert!(for_register.needs_open_window());
    for_register.answer(OPEN);
    assert_eq!(page.reply().response, SyncResponse::Registered(Ok(())));
    page.acknowledge(call);
    // The first one follows the answer for register(), which was just now.
    let event = browser.event();
    browser.finish(event.event, EventOutcome::Rejected);
    let for_event = question();
    assert!(!for_event.needs_open_window());
    for_event.answer(ClientState::new(false));
    let event = browser.event();
    browser.finish(event.event, EventOutcome::Fulfilled);
}
