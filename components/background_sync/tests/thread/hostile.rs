//! Clients that do what they must not.

use background_sync::traits::{
    CallId, Caller, ConnectionId, ExplainerOptions, StoredWorker, SyncReply, SyncRequest,
    SyncResponse,
};
use background_sync::*;
use crossbeam_channel::unbounded;

use crate::support::*;

#[test]
fn what_makes_no_sense_is_ignored() {
    let browser = Browser::start(Config::new().connectivity(Connectivity::Offline));
    let nobody = ConnectionId::new();
    for _ in 0..1_000 {
        browser
            .messages
            .as_ref()
            .unwrap()
            .send(Err("garbage".to_owned()))
            .unwrap();
        let request = register_request("x");
        let call = CallId(1);
        browser.send(SyncManagerMessage::Request {
            connection: nobody,
            call,
            request,
        });
        browser.send(SyncManagerMessage::Acknowledge {
            connection: nobody,
            call,
        });
        browser.send(SyncManagerMessage::Disconnect { connection: nobody });
        browser.finish(EventToken::new(), EventOutcome::Fulfilled);
        let scope = scope_at("nonsense", "\u{0}");
        browser.send(SyncManagerMessage::RequestAuthority { scope });
    }
    let page = browser.page();
    page.acknowledge(CallId(77));
    page.register("x").unwrap();
    assert_eq!(page.tags(), ["x"]);
}

#[test]
fn a_scope_of_another_origin_gets_no_connection() {
    let browser = Browser::start(Config::new());
    for (origin, scope) in [
        ("https://a.example", "https://b.example/"),
        ("https://a.example", "not a url"),
        ("null", "data:text/plain,x"),
        ("https://a.example:444", "https://a.example/"),
        ("", ""),
    ] {
        let page = browser.page_of(scope_at(origin, scope));
        // The client was dropped: its channel is closed.
        assert!(page.replies.recv_timeout(SOON).is_err());
    }
    let page = browser.page_of(scope_at(
        "http://127.0.0.1:8000",
        "http://127.0.0.1:8000/app/",
    ));
    assert_eq!(page.tags(), [""; 0]);
}

#[test]
fn a_second_connection_with_an_open_id_is_refused() {
    let browser = Browser::start(Config::new().connectivity(Connectivity::Offline));
    let page = browser.page();
    page.register("x").unwrap();
    let (client, replies) = unbounded::<SyncReply>();
    let scope = scope_at("https://b.example", "https://b.example/");
    let connection = page.connection;
    browser.send(SyncManagerMessage::Connect {
        connection,
        scope,
        client: Client(client),
    });
    assert_eq!(page.tags(), ["x"], "the first one is untouched");
    assert!(replies.recv_timeout(SOON).is_err());
}

fn refused(why: Unavailability) -> SyncResponse {
    SyncResponse::Registered(Err(RegisterError::Unavailable { why }))
}

#[test]
fn a_call_number_in_use_is_refused() {
    let browser = Browser::start_with(Config::new(), None, None).unwrap();
    let page = browser.page();
    page.request_as(CallId(5), register_request("x"));
    page.request_as(CallId(5), register_request("y"));
    assert_eq!(page.reply().response, refused(Unavailability::Malformed));
    let EngineCall::Query(_, responder) = browser.engine.recv_timeout(SOON).unwrap() else {
        panic!()
    };
    responder.answer(OPEN);
    assert_eq!(page.reply().response, SyncResponse::Registered(Ok(())));
}

#[test]
fn calls_without_end_are_refused_at_the_limit() {
    let browser = Browser::start_with(Config::new(), None, None).unwrap();
    let page = browser.page();
    for _ in 0..MAX_CALLS_PER_CONNECTION + 1 {
        page.ask_to_register("x");
    }
    assert_eq!(page.reply().response, refused(Unavailability::TooManyCalls));
}

#[test]
fn promises_that_are_never_acknowledged_do_not_add_up() {
    let browser = Browser::start(Config::new().connectivity(Connectivity::Offline));
    let page = browser.page();
    for _ in 0..MAX_CALLS_PER_CONNECTION + 10 {
        page.ask_to_register("x");
        assert_eq!(page.reply().response, SyncResponse::Registered(Ok(())));
    }
    assert_eq!(page.tags(), ["x"]);
}

#[test]
fn connections_are_limited_per_origin() {
    let browser = Browser::start(Config::new());
    let pages: Vec<_> = (0..=MAX_CONNECTIONS_PER_ORIGIN)
        .map(|_| browser.page())
        .collect();
    assert_eq!(pages[0].tags(), [""; 0]);
    assert!(
        pages[MAX_CONNECTIONS_PER_ORIGIN]
            .replies
            .recv_timeout(SOON)
            .is_err()
    );
    pages[0].disconnect();
    let other = browser.page_of(scope_at("https://b.example", "https://b.example/"));
    assert_eq!(other.tags(), [""; 0], "another origin is not affected");
    assert_eq!(browser.page().tags(), [""; 0], "a place is free again");
}

#[test]
fn only_the_manager_says_that_an_event_timed_out() {
    let browser = Browser::start(Config::new().policy(quick()));
    browser.page().register("x").unwrap();
    let event = browser.event();
    browser.finish(event.event, EventOutcome::TimedOut);
    let note = browser.note(|note| matches!(note, SyncNotification::Finished { .. }));
    let rejected = EventOutcome::Rejected;
    assert!(matches!(note, SyncNotification::Finished { outcome, .. } if outcome == rejected));
}

#[test]
fn an_outcome_counts_once() {
    let browser = Browser::start(Config::new().policy(quick()));
    let page = browser.page();
    page.register("x").unwrap();
    let event = browser.event();
    browser.finish(event.event, EventOutcome::Rejected);
    browser.finish(event.event, EventOutcome::Fulfilled);
    assert_eq!(page.tags(), ["x"]);
}

#[test]
fn requests_after_a_disconnect_are_ignored() {
    let browser = Browser::start(Config::new());
    let page = browser.page();
    page.disconnect();
    page.request(SyncRequest::GetTags);
    assert!(page.replies.recv_timeout(SOON).is_err());
}

#[test]
fn an_answer_does_not_reach_a_later_connection_with_the_same_id() {
    let browser = Browser::start_with(Config::new(), None, None).unwrap();
    let page = browser.page();
    page.request_as(CallId(1), register_request("x"));
    let EngineCall::Query(_, responder) = browser.engine.recv_timeout(SOON).unwrap() else {
        panic!()
    };
    page.disconnect();
    let (client, replies) = unbounded::<SyncReply>();
    browser.send(SyncManagerMessage::Connect {
        connection: page.connection,
        scope: scope(),
        client: Client(client),
    });
    page.request_as(CallId(1), register_request("y"));
    page.request_as(CallId(2), SyncRequest::GetTags);
    let EngineCall::Query(_, second) = browser.engine.recv_timeout(SOON).unwrap() else {
        panic!()
    };
    responder.answer(OPEN);
    assert!(replies.recv_timeout(A_MOMENT).is_err(), "not its call");
    second.answer(OPEN);
    let calls = [(); 2].map(|()| replies.recv_timeout(SOON).unwrap().call);
    assert_eq!(calls, [CallId(1), CallId(2)]);
}

#[test]
fn calls_behind_a_register_are_carried_out_after_a_disconnect() {
    let config = Config::new().connectivity(Connectivity::Offline);
    let browser = Browser::start_with(config, None, None).unwrap();
    let page = browser.page();
    let register = SyncRequest::RegisterExplainer {
        id: Tag::try_from("x"),
        options: Ok(ExplainerOptions::default()),
        active_worker: true,
        caller: Caller::Page,
    };
    page.request(register);
    let id = Tag::try_from("x").unwrap();
    page.request(SyncRequest::UnregisterExplainer { id });
    page.disconnect();
    let EngineCall::Query(_, responder) = browser.engine.recv_timeout(SOON).unwrap() else {
        panic!()
    };
    // Both have been handled when this one is.
    assert_eq!(browser.page().tags(), [""; 0]);
    responder.answer(OPEN);
    let removed = |note: &SyncNotification| matches!(note, SyncNotification::Removed { .. });
    browser.note(removed);
    let control = browser.thread.as_ref().unwrap().control();
    assert_eq!(control.list().wait_timeout(SOON).unwrap(), []);
}

/// Who runs the workers of one origin has no say in those of another one.
#[test]
fn news_of_workers_need_the_authority_for_their_origin() {
    let folder = tempfile::tempdir().unwrap();
    let config = || Config::new().policy(quick()).directory(folder.path());
    let worker = |source: &str| StoredWorker {
        script_url: "https://a.example/sw.js".try_into().unwrap(),
        source: source.as_bytes().to_vec().try_into().unwrap(),
        imports: Default::default(),
        headers: Default::default(),
        updates: Default::default(),
        handles_fetch: true,
        navigation_preload: Default::default(),
    };
    let mut browser = Browser::start(config().connectivity(Connectivity::Offline));
    let victim = browser.page();
    victim.register("x").unwrap();
    let theirs = browser.authority(&scope());
    let mine = browser.authority(&scope_at("https://evil.example", "https://evil.example/"));
    assert_eq!(browser.authority(&scope()), theirs, "it stays the same");
    let store = |authority, scope, source| SyncManagerMessage::StoreWorker {
        authority,
        scope,
        worker: worker(source),
    };
    browser.send(store(theirs, scope(), "good"));
    browser.send(store(mine, scope(), "evil"));
    // A scope that belongs to one origin under the name of another one.
    let mixed = scope_at("https://evil.example", "https://a.example/app/");
    browser.send(store(mine, mixed, "evil"));
    browser.send(SyncManagerMessage::ForgetWorker {
        authority: mine,
        scope: scope(),
    });
    browser.send(SyncManagerMessage::WorkerUnregistered {
        authority: mine,
        scope: scope(),
    });
    assert_eq!(victim.tags(), ["x"], "nobody else removes it");
    browser.shutdown();

    let browser = Browser::start(config());
    let event = browser.event();
    browser.finish(event.event, EventOutcome::NotStarted);
    let EngineCall::Start(revived, worker) = browser.engine.recv_timeout(SOON).unwrap() else {
        panic!("no worker is started")
    };
    assert_eq!(revived, scope());
    assert_eq!(worker.source.as_bytes(), b"good");
    // What was issued before the restart is not worth anything.
    browser.send(SyncManagerMessage::WorkerActivated {
        authority: theirs,
        scope: scope(),
    });
    browser.assert_no_event();
    let authority = browser.authority(&scope());
    browser.send(SyncManagerMessage::WorkerActivated {
        authority,
        scope: scope(),
    });
    browser.event();
}
