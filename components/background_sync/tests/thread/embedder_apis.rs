//! What the embedder asks about registrations of each API.

use background_sync::traits::{Caller, SyncEventKind, SyncRequest};
use background_sync::*;

use crate::periodic::{GRANTED, REGISTERED, often, start};
use crate::support::*;

/// Offline, so that nothing fires by itself.
fn config() -> Config {
    Config::new()
        .policy(Policy {
            periodic_interval_any_origin_ms: 3_600_000,
            periodic_interval_across_origins_ms: 3_600_000,
            ..often()
        })
        .connectivity(Connectivity::Offline)
}

fn tag() -> Tag {
    "x".try_into().unwrap()
}

fn control(browser: &Browser) -> SyncManagerControl {
    browser.thread.as_ref().unwrap().control()
}

fn register_everything(browser: &Browser) {
    let page = browser.page();
    page.register("x").unwrap();
    let periodic = SyncRequest::RegisterPeriodic {
        tag: Ok(tag()),
        min_interval_ms: 0,
        active_worker: true,
    };
    assert_eq!(page.ask(periodic), REGISTERED);
    let explainer = SyncRequest::RegisterExplainer {
        id: Ok(tag()),
        options: Ok(Default::default()),
        active_worker: true,
        caller: Caller::Page,
    };
    assert_eq!(page.ask(explainer), REGISTERED);
}

const APIS: [SyncApi; 3] = [SyncApi::OneShot, SyncApi::Periodic, SyncApi::Explainer];

#[test]
fn each_api_is_explained_by_itself() {
    let browser = start(config());
    register_everything(&browser);
    for api in APIS {
        let report = control(&browser).why_not_fired(api, scope(), tag());
        let report = report.wait_timeout(SOON).unwrap();
        match api {
            SyncApi::Periodic => assert!(
                matches!(report.why, WhyNotFired::WaitsForInterval { in_ms } if in_ms > 3_000_000),
                "{report:?}"
            ),
            // The acknowledgement may still be on its way.
            _ => assert!(
                matches!(
                    report.why,
                    WhyNotFired::Offline | WhyNotFired::PromiseNotResolved
                ),
                "{report:?}"
            ),
        }
        let quoted = report.history.iter().map(|entry| entry.what.api());
        assert!(!report.history.is_empty());
        assert!(quoted.into_iter().all(|quoted| quoted == Some(api)));
    }
}

#[test]
fn a_periodic_event_is_dispatched_now_and_its_interval_begins() {
    let browser = start(config());
    register_everything(&browser);
    let reply = control(&browser).dispatch_now(SyncApi::Periodic, scope(), tag());
    let event = browser.event();
    assert_eq!(event.kind, SyncEventKind::PeriodicSync { tag: tag() });
    browser.finish(event.event, EventOutcome::Fulfilled);
    let outcome = reply.wait_timeout(SOON).unwrap();
    assert_eq!(outcome, Ok(EventOutcome::Fulfilled));
    let reply = control(&browser).dispatch_now(SyncApi::Explainer, scope(), tag());
    let event = browser.event();
    assert!(matches!(event.kind, SyncEventKind::ExplainerSync { .. }));
    browser.finish(event.event, EventOutcome::Fulfilled);
    let outcome = reply.wait_timeout(SOON).unwrap();
    assert_eq!(outcome, Ok(EventOutcome::Fulfilled));
    let left = control(&browser).list().wait_timeout(SOON).unwrap();
    let left: Vec<_> = left.iter().map(|info| info.api).collect();
    assert_eq!(left, [SyncApi::OneShot, SyncApi::Periodic]);
}

#[test]
fn each_api_is_unregistered_by_itself_and_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let config = || config().directory(folder.path());
    for (left, api) in [
        (2, SyncApi::Periodic),
        (1, SyncApi::Explainer),
        (0, SyncApi::OneShot),
    ] {
        let mut browser = start(config());
        if left == 2 {
            register_everything(&browser);
        }
        let reply = control(&browser).unregister(api, scope(), tag());
        assert_eq!(reply.wait_timeout(SOON).unwrap(), Ok(1));
        let reply = control(&browser).unregister(api, scope(), tag());
        assert_eq!(reply.wait_timeout(SOON).unwrap(), Ok(0));
        browser.shutdown();
        let browser = start(config());
        let list = control(&browser).list().wait_timeout(SOON).unwrap();
        assert_eq!(list.len(), left);
        assert!(list.iter().all(|info| info.api != api));
    }
}

#[test]
fn a_tag_that_the_permission_has_ended_is_explained_by_it() {
    let browser = Browser::start_with(config(), Some(GRANTED), None).unwrap();
    register_everything(&browser);
    let name = PermissionName::PeriodicBackgroundSync;
    control(&browser).report_permission_revoked(scope().origin, name);
    let why = |api| {
        let reply = control(&browser).why_not_fired(api, scope(), tag());
        reply.wait_timeout(SOON).unwrap().why
    };
    assert_eq!(why(SyncApi::Periodic), WhyNotFired::PermissionDenied);
    assert_ne!(why(SyncApi::OneShot), WhyNotFired::PermissionDenied);
}
