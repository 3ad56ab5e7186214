//! What an origin has committed is durable before its `register()` is answered, and before what an event served is removed.

use background_sync::traits::SyncResponse;
use background_sync::*;
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::support::*;

/// Everything is granted, and the test makes durable what is to be.
struct SlowDisk {
    calls: Sender<EngineCall>,
    flushes: Sender<DurabilityResponder>,
}

impl Engine for SlowDisk {
    fn query_client_state(&self, _: &ScopeKey, responder: ClientStateResponder) {
        responder.answer(OPEN);
    }

    fn make_durable(&self, _: &ScopeKey, responder: DurabilityResponder) {
        let _ = self.flushes.send(responder);
    }

    fn dispatch(&self, event: DispatchedEvent) {
        let _ = self.calls.send(EngineCall::Dispatch(event));
    }

    fn terminate(&self, event: EventToken, _: &ScopeKey) {
        let _ = self.calls.send(EngineCall::Terminate(event));
    }
}

fn start(config: Config) -> (Browser, Receiver<DurabilityResponder>) {
    let (flushes_out, flushes) = unbounded();
    let browser = Browser::start_with_engine(config, None, |calls| {
        Box::new(SlowDisk {
            calls,
            flushes: flushes_out,
        })
    });
    (browser.unwrap(), flushes)
}

fn fault() -> StoreFault {
    StoreFault::failed("broken: /profile")
}

#[test]
fn register_is_answered_once_everything_is_durable() {
    let (browser, flushes) = start(Config::new().policy(quick()));
    let page = browser.page();
    let call = page.ask_to_register("x");
    let flush = flushes.recv_timeout(SOON).unwrap();
    browser.note(|note| matches!(note, SyncNotification::Registered { .. }));
    assert!(page.replies.recv_timeout(A_MOMENT).is_err());
    assert!(
        browser.engine.recv_timeout(A_MOMENT).is_err(),
        "no event before the promise"
    );
    flush.answer(Ok(()));
    assert_eq!(page.reply().call, call);
    page.acknowledge(call);
    browser.event();
}

#[test]
fn data_that_are_durable_first_hold_up_nothing() {
    let (browser, flushes) = start(Config::new().policy(quick()));
    let page = browser.page();
    page.ask_to_register("x");
    flushes.recv_timeout(SOON).unwrap().answer(Ok(()));
    page.reply();
    // Only what registers has a barrier.
    assert_eq!(page.tags(), ["x"]);
    assert!(flushes.is_empty());
}

#[test]
fn data_that_cannot_be_made_durable_refuse_the_call_and_keep_the_registration() {
    for is_dropped in [false, true] {
        let (browser, flushes) = start(Config::new().policy(quick()));
        let page = browser.page();
        page.ask_to_register("x");
        let flush = flushes.recv_timeout(SOON).unwrap();
        match is_dropped {
            true => drop(flush),
            false => flush.answer(Err(fault())),
        }
        let reply = page.reply();
        let problem = StorageProblem::Failed;
        let refused = SyncResponse::Registered(Err(RegisterError::Storage { problem }));
        assert_eq!(reply.response, refused);
        browser.note(|note| matches!(note, SyncNotification::StorageFailed { .. }));
        // It fires without the promise.
        browser.event();
    }
}

#[test]
fn the_end_of_an_event_waits_for_what_its_handler_committed() {
    for outcome in [EventOutcome::Fulfilled, EventOutcome::Rejected] {
        let (browser, flushes) = start(Config::new().policy(quick()));
        let page = browser.page();
        let call = page.ask_to_register("x");
        flushes.recv_timeout(SOON).unwrap().answer(Ok(()));
        page.reply();
        page.acknowledge(call);
        let event = browser.event();
        browser.finish(event.event, outcome);
        let flush = flushes.recv_timeout(SOON).unwrap();
        assert_eq!(page.tags(), ["x"], "it is still there");
        // Whether it is durable or not: what was done is not done again for that.
        flush.answer(Err(fault()));
        browser.note(|note| matches!(note, SyncNotification::Finished { .. }));
    }
}

#[test]
fn an_event_that_ends_with_the_browser_is_not_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config::new().policy(quick()).directory(folder.path());
    let (mut browser, flushes) = start(config.clone());
    let page = browser.page();
    let call = page.ask_to_register("x");
    flushes.recv_timeout(SOON).unwrap().answer(Ok(()));
    page.reply();
    page.acknowledge(call);
    let event = browser.event();
    browser.finish(event.event, EventOutcome::Fulfilled);
    let flush = flushes.recv_timeout(SOON).unwrap();
    let disk = std::thread::spawn(move || flush.answer(Ok(())));
    browser.shutdown();
    disk.join().unwrap();
    let browser = Browser::start(config);
    assert_eq!(browser.page().tags(), [""; 0]);
}
