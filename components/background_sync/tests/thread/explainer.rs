//! Registrations of the explainer of 2014 over the wire.

use background_sync::traits::{
    Caller, ExplainerOptions, Recurrence, SyncData, SyncEventKind, SyncRequest, SyncResponse,
};
use background_sync::*;

use crate::periodic::{GRANTED, REGISTERED, UNREGISTERED, often, start};
use crate::support::*;

fn options(data: &str) -> ExplainerOptions {
    ExplainerOptions {
        data: data.try_into().unwrap(),
        ..ExplainerOptions::default()
    }
}

fn request(id: &str, options: ExplainerOptions, active_worker: bool) -> SyncRequest {
    SyncRequest::RegisterExplainer {
        id: Tag::try_from(id),
        options: Ok(options),
        active_worker,
        caller: Caller::Page,
    }
}

#[test]
fn it_fires_with_its_id_and_its_data_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = || Config::new().policy(quick()).directory(folder.path());
    let mut browser = start(config().connectivity(Connectivity::Offline));
    let page = browser.page();
    assert_eq!(page.ask(request("send", options("old"), true)), REGISTERED);
    assert_eq!(page.ask(request("send", options("new"), true)), REGISTERED);
    assert_eq!(page.ask(request("drop", options(""), true)), REGISTERED);
    let id = Tag::try_from("drop").unwrap();
    assert_eq!(
        page.ask(SyncRequest::UnregisterExplainer { id }),
        UNREGISTERED
    );
    let ids = SyncResponse::Tags(vec!["send".try_into().unwrap()]);
    assert_eq!(page.ask(SyncRequest::GetExplainerIds), ids);
    assert_eq!(page.tags(), [""; 0]);
    browser.shutdown();
    let browser = start(config());
    let event = browser.event();
    let expected = SyncEventKind::ExplainerSync {
        id: "send".try_into().unwrap(),
        data: "new".try_into().unwrap(),
        last_chance: false,
    };
    assert_eq!(event.kind, expected);
    browser.finish(event.event, EventOutcome::Fulfilled);
    let empty = SyncResponse::Tags(Vec::new());
    assert_eq!(browser.page().ask(SyncRequest::GetExplainerIds), empty);
}

#[test]
fn made_before_a_worker_is_active_it_waits_for_one() {
    let browser = start(Config::new().policy(quick()));
    let page = browser.page();
    assert_eq!(page.ask(request("x", options("d"), false)), REGISTERED);
    let event = browser.event();
    browser.finish(event.event, EventOutcome::NotStarted);
    browser.assert_no_event();
    let authority = browser.authority(&scope());
    let scope = scope();
    browser.send(SyncManagerMessage::WorkerActivated { authority, scope });
    browser.event();
}

#[test]
fn what_repeats_needs_the_permission_of_periodic_sync() {
    let repeating = || ExplainerOptions {
        recurrence: Recurrence::Repeating,
        ..options("d")
    };
    let browser = Browser::start(Config::new());
    let response = browser.page().ask(request("x", repeating(), true));
    let denied = SyncResponse::Registered(Err(RegisterError::PeriodicPermissionDenied));
    assert_eq!(response, denied);
    let browser = start(Config::new().policy(often()));
    assert_eq!(
        browser.page().ask(request("x", repeating(), true)),
        REGISTERED
    );
    for _ in 0..2 {
        let event = browser.event();
        assert!(matches!(event.kind, SyncEventKind::ExplainerSync { .. }));
        browser.finish(event.event, EventOutcome::Fulfilled);
    }
}

#[test]
fn data_that_are_too_long_are_refused() {
    let browser = start(Config::new());
    let page = browser.page();
    let too_much = "x".repeat(65_537);
    let response = page.ask(request("x", options(&too_much), true));
    let expected = RegisterError::DataTooLong {
        bytes: 65_537,
        limit: 65_536,
    };
    assert_eq!(response, SyncResponse::Registered(Err(expected)));
    let far_too_long = SyncData::try_from("x".repeat(300_000)).unwrap_err();
    let response = page.ask(SyncRequest::RegisterExplainer {
        id: Tag::try_from("x"),
        options: Err(far_too_long),
        active_worker: true,
        caller: Caller::Page,
    });
    let expected = RegisterError::TextTooLong(far_too_long);
    assert_eq!(response, SyncResponse::Registered(Err(expected)));
}

/// A page that floods the manager with data while the engine is being asked is refused.
#[test]
fn data_in_calls_are_limited() {
    let browser = Browser::start_with(Config::new(), None, None).unwrap();
    let page = browser.page();
    let big = "x".repeat(262_144);
    for _ in 0..17 {
        page.request(request("x", options(&big), true));
    }
    let reply = page.reply();
    let why = Unavailability::Busy;
    let refused = SyncResponse::Registered(Err(RegisterError::Unavailable { why }));
    assert_eq!(reply.response, refused);
    // Fifteen of each origin fit, and sixty-three in all.
    let last = ["b.example", "c.example", "d.example", "e.example"].map(|host| {
        let origin = format!("https://{host}");
        let page = browser.page_of(scope_at(&origin, &format!("{origin}/")));
        for _ in 0..15 {
            page.request(request("x", options(&big), true));
        }
        page
    });
    let [.., last] = last;
    assert_eq!(last.reply().response, refused, "too much in all");
    let other = browser.page();
    other.request(request("y", options(""), true));
    let mut answered = 0;
    while let Ok(EngineCall::Query(_, responder)) = browser.engine.recv_timeout(A_MOMENT) {
        responder.answer(GRANTED);
        answered += 1;
    }
    assert_eq!(answered, 64);
}
