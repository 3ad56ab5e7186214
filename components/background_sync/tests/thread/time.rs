//! Deadlines on the real clock.

use std::time::{Duration, Instant};

use background_sync::*;

use crate::order::slow_store;
use crate::support::*;

fn terminated(browser: &Browser, event: EventToken) {
    match browser.engine.recv_timeout(SOON).unwrap() {
        EngineCall::Terminate(token) => assert_eq!(token, event),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_event_past_its_cap_is_terminated_on_time() {
    let cap = Duration::from_millis(200);
    let policy = Policy {
        event_cap_ms: 200,
        ..quick()
    };
    let browser = Browser::start(Config::new().policy(policy));
    browser.page().register("x").unwrap();
    let event = browser.event();
    let start = Instant::now();
    terminated(&browser, event.event);
    let took = start.elapsed();
    assert!(took >= cap - Duration::from_millis(20), "{took:?}");
    assert!(took < cap + Duration::from_secs(1), "{took:?}");
    // Late, and for an event that is over: ignored. The retry comes.
    browser.finish(event.event, EventOutcome::Fulfilled);
    browser.event();
}

#[test]
fn a_store_that_hangs_does_not_hold_up_the_cap() {
    let (store, go, _, started) = slow_store();
    let policy = Policy {
        event_cap_ms: 200,
        ..quick()
    };
    let config = Config::new().policy(policy);
    let browser = Browser::start_with(config, Some(OPEN), Some(store)).unwrap();
    let page = browser.page();
    let call = page.ask_to_register("x");
    go.send(()).unwrap();
    page.reply();
    page.acknowledge(call);
    let event = browser.event();
    page.ask_to_register("y");
    started.recv_timeout(SOON).unwrap();
    started.recv_timeout(SOON).unwrap();
    terminated(&browser, event.event);
    drop(go);
}

#[test]
fn a_failed_event_is_retried_after_its_delay() {
    let browser = Browser::start(Config::new().policy(quick()));
    browser.page().register("x").unwrap();
    let first = browser.event();
    let start = Instant::now();
    browser.finish(first.event, EventOutcome::Rejected);
    let second = browser.event();
    assert!(
        start.elapsed() >= Duration::from_millis(40),
        "{:?}",
        start.elapsed()
    );
    assert_ne!(first.event, second.event);
    let note = browser.note(|note| matches!(note, SyncNotification::Finished { .. }));
    assert!(
        matches!(
            note,
            SyncNotification::Finished {
                next: NextStep::RetryIn { ms: 50 },
                ..
            }
        ),
        "{note:?}"
    );
}
