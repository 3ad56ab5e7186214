//! Periodic sync over the wire.

use background_sync::traits::{SyncEventKind, SyncRequest, SyncResponse};
use background_sync::*;

use crate::support::*;

/// With the permission, and intervals that a test can wait for.
pub const GRANTED: ClientState = ClientState {
    open_window: true,
    permission: Permission::Granted,
    periodic_permission: Permission::Granted,
};

pub fn often() -> Policy {
    Policy {
        periodic_interval_any_origin_ms: 0,
        periodic_interval_across_origins_ms: 0,
        ..quick()
    }
}

fn register_request(tag: &str, min_interval_ms: u64) -> SyncRequest {
    SyncRequest::RegisterPeriodic {
        tag: Tag::try_from(tag),
        min_interval_ms,
        active_worker: true,
    }
}

pub fn start(config: Config) -> Browser {
    Browser::start_with(config, Some(GRANTED), None).unwrap()
}

impl Page<'_> {
    pub fn ask(&self, request: SyncRequest) -> SyncResponse {
        let call = self.request(request);
        let reply = self.reply();
        assert_eq!(reply.call, call);
        self.acknowledge(call);
        reply.response
    }

    fn register_periodic(&self, tag: &str, min_interval_ms: u64) -> SyncResponse {
        self.ask(register_request(tag, min_interval_ms))
    }

    fn periodic_tags(&self) -> Vec<String> {
        match self.ask(SyncRequest::GetPeriodicTags) {
            SyncResponse::Tags(tags) => tags.iter().map(ToString::to_string).collect(),
            other => panic!("{other:?}"),
        }
    }
}

pub const REGISTERED: SyncResponse = SyncResponse::Registered(Ok(()));
pub const UNREGISTERED: SyncResponse = SyncResponse::Unregistered(Ok(()));

#[test]
fn it_fires_again_and_again_until_it_is_unregistered() {
    let browser = start(Config::new().policy(often()));
    let page = browser.page();
    assert_eq!(page.register_periodic("news", 0), REGISTERED);
    assert!(
        browser.engine.try_recv().is_err(),
        "not right after registering"
    );
    page.register("news").unwrap();
    let one_shot = browser.event();
    assert!(matches!(one_shot.kind, SyncEventKind::Sync { .. }));
    browser.finish(one_shot.event, EventOutcome::Fulfilled);
    let started = std::time::Instant::now();
    for _ in 0..2 {
        let event = browser.event();
        let tag = "news".try_into().unwrap();
        assert_eq!(event.kind, SyncEventKind::PeriodicSync { tag });
        browser.finish(event.event, EventOutcome::Fulfilled);
    }
    assert!(
        started.elapsed().as_millis() > 1_500,
        "an interval between them"
    );
    assert_eq!(page.periodic_tags(), ["news"]);
    let tag: Tag = "news".try_into().unwrap();
    let unregister = || SyncRequest::UnregisterPeriodic { tag: tag.clone() };
    assert_eq!(page.ask(unregister()), UNREGISTERED);
    assert_eq!(
        page.ask(unregister()),
        UNREGISTERED,
        "also if there is none"
    );
    assert_eq!(page.periodic_tags(), [""; 0]);
}

#[test]
fn calls_of_one_page_are_seen_in_their_order() {
    let browser = Browser::start_with(Config::new(), None, None).unwrap();
    let page = browser.page();
    page.request(register_request("a", 5));
    page.request(SyncRequest::GetPeriodicTags);
    let tag = "a".try_into().unwrap();
    page.request(SyncRequest::UnregisterPeriodic { tag });
    page.request(SyncRequest::GetPeriodicTags);
    let EngineCall::Query(_, responder) = browser.engine.recv_timeout(SOON).unwrap() else {
        panic!()
    };
    responder.answer(GRANTED);
    let mut replies: Vec<_> = (0..4).map(|_| page.reply()).collect();
    replies.sort_by_key(|reply| reply.call);
    assert_eq!(replies[0].response, REGISTERED);
    assert_eq!(replies[2].response, UNREGISTERED);
    assert_eq!(replies[3].response, SyncResponse::Tags(Vec::new()));
}

/// The last word counts, although only some of the words need the engine.
#[test]
fn a_tag_that_is_registered_unregistered_and_registered_is_there() {
    let browser = Browser::start_with(Config::new(), None, None).unwrap();
    let page = browser.page();
    let tag = || "a".try_into().unwrap();
    page.request(register_request("a", 5));
    page.request(SyncRequest::UnregisterPeriodic { tag: tag() });
    page.request(register_request("a", 6));
    page.request(SyncRequest::GetPeriodicTags);
    for _ in 0..2 {
        let EngineCall::Query(_, responder) = browser.engine.recv_timeout(SOON).unwrap() else {
            panic!()
        };
        responder.answer(GRANTED);
    }
    let mut replies: Vec<_> = (0..4).map(|_| page.reply()).collect();
    replies.sort_by_key(|reply| reply.call);
    assert_eq!(replies[0].response, REGISTERED);
    assert_eq!(replies[1].response, UNREGISTERED);
    assert_eq!(replies[2].response, REGISTERED);
    assert_eq!(replies[3].response, SyncResponse::Tags(vec![tag()]));
}

#[test]
fn the_permission_is_denied_unless_the_engine_says_otherwise() {
    let browser = Browser::start(Config::new());
    let page = browser.page();
    let denied = SyncResponse::Registered(Err(RegisterError::PeriodicPermissionDenied));
    assert_eq!(page.register_periodic("news", 0), denied);
    page.register("news").unwrap();
    assert_eq!(ClientState::new(true), OPEN);
}

#[test]
fn a_worker_that_is_not_active_comes_first() {
    let browser = Browser::start(Config::new());
    let page = browser.page();
    let response = page.ask(SyncRequest::RegisterPeriodic {
        tag: Tag::try_from("x".repeat(10_241)),
        min_interval_ms: 0,
        active_worker: false,
    });
    let expected = SyncResponse::Registered(Err(RegisterError::NoActiveWorker));
    assert_eq!(response, expected);
}

#[test]
fn revocation_and_suspension_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = || Config::new().policy(often()).directory(folder.path());
    let mut browser = start(config());
    let control = browser.thread.as_ref().unwrap().control();
    control.set_extra_interval(scope().origin, ExtraInterval::Never);
    let other = scope_at("https://b.example", "https://b.example/");
    let page = browser.page();
    assert_eq!(page.register_periodic("suspended", 0), REGISTERED);
    let other_page = browser.page_of(other.clone());
    assert_eq!(other_page.register_periodic("revoked", 60_000), REGISTERED);
    let name = PermissionName::PeriodicBackgroundSync;
    control.report_permission_revoked(other.origin.clone(), name);
    browser.note(|note| matches!(note, SyncNotification::Removed { .. }));
    browser.shutdown();

    let browser = start(config());
    let control = browser.thread.as_ref().unwrap().control();
    assert_eq!(browser.page_of(other).periodic_tags(), [""; 0]);
    assert_eq!(browser.page().periodic_tags(), ["suspended"]);
    let listed = control.list().wait_timeout(SOON).unwrap();
    assert_eq!(listed[0].why, WhyNotFired::Suspended);
    assert_eq!(listed[0].api, SyncApi::Periodic);
    // Another one that comes later fires, and this one does not.
    let later = scope_at("https://c.example", "https://c.example/");
    let page = browser.page_of(later.clone());
    assert_eq!(page.register_periodic("later", 0), REGISTERED);
    let event = browser.event();
    assert_eq!(event.scope, later);
    browser.assert_no_event();
    browser.finish(event.event, EventOutcome::Fulfilled);
    let unregister = SyncRequest::UnregisterPeriodic {
        tag: "later".try_into().unwrap(),
    };
    assert_eq!(page.ask(unregister), UNREGISTERED);
    control.set_extra_interval(scope().origin, ExtraInterval::Ms(0));
    browser.event();
}

#[test]
fn the_interval_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut policy = often();
    policy.periodic_interval_any_origin_ms = 4_000;
    let config = || {
        Config::new()
            .policy(policy.clone())
            .directory(folder.path())
    };
    let started = std::time::Instant::now();
    let mut browser = start(config());
    assert_eq!(browser.page().register_periodic("a", 0), REGISTERED);
    let left_ms = |browser: &Browser| {
        let listed = browser.thread.as_ref().unwrap().control().list();
        match listed.wait_timeout(SOON).unwrap()[0].why {
            WhyNotFired::WaitsForInterval { in_ms } => in_ms,
            ref why => panic!("{why:?}"),
        }
    };
    let deadline = started + SOON;
    while left_ms(&browser) > 3_500 {
        assert!(std::time::Instant::now() < deadline, "time goes on");
    }
    browser.shutdown();
    let offline = config().connectivity(Connectivity::Offline);
    let mut browser = start(offline);
    assert!(left_ms(&browser) <= 3_500, "also without a network");
    let control = browser.thread.as_ref().unwrap().control();
    // First the journal is committed.
    let next = || control.next_wakeup().wait_timeout(SOON).unwrap().unwrap();
    while next().as_millis() < 600 {
        assert!(left_ms(&browser) > 600, "nothing is to be done before");
    }
    assert!(next().as_millis() <= 3_600);
    browser.shutdown();
    let browser = start(config());
    browser.event();
    let age = started.elapsed().as_millis();
    assert!((4_000..8_000).contains(&age), "{age}");
}

#[test]
fn a_manager_that_could_not_start_answers_every_call() {
    let (messages, messages_in) = crossbeam_channel::unbounded::<Result<Message, String>>();
    let thread = SyncManager::spawn_unavailable(&no_disk(), messages_in);
    let browser = Browser {
        thread: Some(thread),
        messages: Some(messages),
        engine: crossbeam_channel::unbounded().1,
        notes: crossbeam_channel::unbounded().1,
    };
    let page = browser.page();
    let response = page.register_periodic("x", 0);
    assert!(matches!(
        response,
        SyncResponse::Registered(Err(RegisterError::Storage { .. }))
    ));
    let tag = "x".try_into().unwrap();
    let response = page.ask(SyncRequest::UnregisterPeriodic { tag });
    assert!(matches!(response, SyncResponse::Unregistered(Err(_))));
    assert_eq!(page.periodic_tags(), [""; 0]);
}

#[test]
fn a_page_can_ask_what_its_origin_may() {
    let state = ClientState {
        permission: Permission::Denied,
        ..GRANTED
    };
    let browser = Browser::start_with(Config::new(), Some(state), None).unwrap();
    let page = browser.page();
    for (name, permission) in [
        (PermissionName::BackgroundSync, Permission::Denied),
        (PermissionName::PeriodicBackgroundSync, Permission::Granted),
    ] {
        let answer = page.ask(SyncRequest::QueryPermission { name });
        assert_eq!(answer, SyncResponse::Permission(permission));
    }
}
