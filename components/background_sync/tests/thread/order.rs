//! Promises, events and commits come in the promised order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use background_sync::traits::{SyncEventKind, SyncResponse};
use background_sync::*;
use background_sync_core::{Caller, Durability, StoreOp};
use background_sync_store::Loaded;
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::support::*;

#[test]
fn register_resolves_then_the_event_fires_then_it_is_gone() {
    let browser = Browser::start(Config::new());
    let page = browser.page();
    page.register("outbox").unwrap();
    let event = browser.event();
    assert_eq!(event.scope, scope());
    let tag = Tag::try_from("outbox").unwrap();
    assert_eq!(
        event.kind,
        SyncEventKind::Sync {
            tag,
            last_chance: false
        }
    );
    assert_eq!(page.tags(), ["outbox"]);
    browser.finish(event.event, EventOutcome::Fulfilled);
    assert_eq!(page.tags(), [""; 0]);
}

#[test]
fn no_event_before_the_promise_is_resolved() {
    let browser = Browser::start(Config::new());
    let page = browser.page();
    let call = page.ask_to_register("x");
    assert_eq!(page.reply().response, SyncResponse::Registered(Ok(())));
    browser.assert_no_event();
    page.acknowledge(call);
    browser.event();
}

#[test]
fn a_client_that_disconnects_lets_the_event_fire() {
    let browser = Browser::start(Config::new());
    let page = browser.page();
    page.ask_to_register("x");
    page.reply();
    page.disconnect();
    browser.event();
}

#[test]
fn a_client_whose_channel_is_closed_lets_the_event_fire() {
    let browser = Browser::start(Config::new());
    let mut page = browser.page();
    page.replies = unbounded().1;
    page.ask_to_register("x");
    browser.event();
}

#[test]
fn tags_asked_for_right_behind_a_register_include_it() {
    let browser = Browser::start_with(Config::new(), None, None).unwrap();
    let page = browser.page();
    page.ask_to_register("x");
    page.request(traits::SyncRequest::GetTags);
    let EngineCall::Query(_, responder) = browser.engine.recv_timeout(SOON).unwrap() else {
        panic!()
    };
    responder.answer(OPEN);
    assert_eq!(page.reply().response, SyncResponse::Registered(Ok(())));
    let tags = vec![Tag::try_from("x").unwrap()];
    assert_eq!(page.reply().response, SyncResponse::Tags(tags));
}

#[test]
fn the_window_is_asked_for_at_each_call() {
    let browser = Browser::start_with(Config::new(), None, None).unwrap();
    let page = browser.page();
    for (open_window, expected) in [(true, Ok(())), (false, Err(RegisterError::NoWindow))] {
        page.ask_to_register("x");
        let EngineCall::Query(asked, responder) = browser.engine.recv_timeout(SOON).unwrap() else {
            panic!()
        };
        assert_eq!(asked, scope());
        responder.answer(ClientState {
            open_window,
            permission: Permission::Granted,
            periodic_permission: Permission::Denied,
        });
        assert_eq!(page.reply().response, SyncResponse::Registered(expected));
    }
}

#[test]
fn a_dropped_question_refuses_a_register_and_keeps_an_event() {
    let policy = Policy {
        local_fault_delay_ms: 20,
        ..quick()
    };
    let config = Config::new()
        .policy(policy)
        .connectivity(Connectivity::Offline);
    let browser = Browser::start_with(config, None, None).unwrap();
    let query = || match browser.engine.recv_timeout(SOON).unwrap() {
        EngineCall::Query(_, responder) => responder,
        other => panic!("{other:?}"),
    };
    let page = browser.page();
    page.ask_to_register("x");
    drop(query());
    let refused = SyncResponse::Registered(Err(RegisterError::PermissionDenied));
    assert_eq!(page.reply().response, refused);
    let call = page.ask_to_register("x");
    query().answer(OPEN);
    page.reply();
    page.acknowledge(call);
    browser.report(Connectivity::Online);
    drop(query());
    query().answer(OPEN);
    browser.event();
}

#[test]
fn permission_revoked_before_the_dispatch_removes_the_registration() {
    let config = Config::new().connectivity(Connectivity::Offline);
    let browser = Browser::start_with(config, None, None).unwrap();
    let page = browser.page();
    page.ask_to_register("x");
    let answer = |state| match browser.engine.recv_timeout(SOON).unwrap() {
        EngineCall::Query(_, responder) => responder.answer(state),
        other => panic!("{other:?}"),
    };
    answer(OPEN);
    let call = page.reply().call;
    page.acknowledge(call);
    browser.report(Connectivity::Online);
    answer(ClientState {
        open_window: true,
        permission: Permission::Denied,
        periodic_permission: Permission::Denied,
    });
    browser.note(|note| matches!(note, SyncNotification::Removed { .. }));
    assert_eq!(page.tags(), [""; 0]);
}

/// Commits when it is told to.
pub struct SlowStore {
    pub inner: MemoryStore,
    pub go: Receiver<()>,
    pub commits: Arc<AtomicUsize>,
    pub started: Sender<()>,
}

impl RegistrationStore for SlowStore {
    fn load_all(&mut self) -> Result<Loaded, StoreError> {
        self.inner.load_all()
    }

    fn commit(&mut self, batch: &[StoreOp], durability: Durability) -> Result<(), StoreError> {
        self.commits.fetch_add(1, Ordering::SeqCst);
        let _ = self.started.send(());
        let _ = self.go.recv();
        self.inner.commit(batch, durability)
    }
}

pub fn slow_store() -> (Box<SlowStore>, Sender<()>, Arc<AtomicUsize>, Receiver<()>) {
    let (go, go_in) = unbounded();
    let (started, started_in) = unbounded();
    let commits = Arc::new(AtomicUsize::new(0));
    let inner = MemoryStore::new();
    let store = SlowStore {
        inner,
        go: go_in,
        commits: commits.clone(),
        started,
    };
    (Box::new(store), go, commits, started_in)
}

#[test]
fn what_waits_is_one_commit_and_no_promise_resolves_before_it() {
    let (store, go, commits, started) = slow_store();
    let config = Config::new().connectivity(Connectivity::Offline);
    let browser = Browser::start_with(config, Some(OPEN), Some(store)).unwrap();
    let page = browser.page();
    page.ask_to_register("first");
    started.recv_timeout(SOON).unwrap();
    for number in 0..100 {
        page.ask_to_register(&number.to_string());
    }
    // All of them are in: another page's call is answered meanwhile.
    assert_eq!(
        browser
            .page_of(scope_at("https://b.example", "https://b.example/"))
            .tags()
            .len(),
        0
    );
    assert!(page.replies.try_recv().is_err());
    drop(go);
    for _ in 0..101 {
        assert_eq!(page.reply().response, SyncResponse::Registered(Ok(())));
    }
    // The store's thread may have taken a few of them before the rest was there.
    assert!(commits.load(Ordering::SeqCst) <= 5, "{commits:?}");
}

#[test]
fn a_refusal_reaches_the_page_with_its_reason() {
    let browser = Browser::start(Config::new());
    let page = browser.page();
    page.request(traits::SyncRequest::Register {
        tag: Tag::try_from("x".repeat(20_000)),
        active_worker: false,
        caller: Caller::Page,
    });
    let refused = SyncResponse::Registered(Err(RegisterError::NoActiveWorker));
    assert_eq!(page.reply().response, refused);
    let too_long = page.register(&"x".repeat(20_000)).unwrap_err();
    assert!(matches!(too_long, RegisterError::TagTooLong(_)));
}

#[test]
fn events_end_in_any_order() {
    let browser = Browser::start(Config::new().connectivity(Connectivity::Offline));
    let page = browser.page();
    for tag in ["a", "b", "c"] {
        page.register(tag).unwrap();
    }
    browser.report(Connectivity::Online);
    let events: Vec<_> = (0..3).map(|_| browser.event()).collect();
    for event in events.iter().rev() {
        browser.finish(event.event, EventOutcome::Fulfilled);
    }
    assert_eq!(page.tags(), [""; 0]);
    assert!(browser.engine.try_recv().is_err());
}
