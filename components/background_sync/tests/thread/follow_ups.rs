//! What a worker registers by itself, over the wire.

use background_sync::traits::{Caller, SyncRequest};
use background_sync::*;

use crate::support::*;

impl Page<'_> {
    fn register_by(&self, caller: Caller) {
        let call = self.request(SyncRequest::Register {
            tag: Tag::try_from("again"),
            active_worker: true,
            caller,
        });
        self.reply();
        self.acknowledge(call);
    }
}

#[test]
fn a_handler_that_registers_its_own_tag_backs_off_until_a_client_wants_it() {
    let policy = Policy {
        chained_events_at_once: 2,
        first_retry_delay_ms: 3_600_000,
        ..quick()
    };
    for client in [Caller::Page, Caller::PromptedWorker] {
        let browser = Browser::start(Config::new().policy(policy.clone()));
        let page = browser.page();
        page.register_by(Caller::Page);
        // The page's own event, and two more.
        for _ in 0..3 {
            let event = browser.event();
            page.register_by(Caller::Worker);
            browser.finish(event.event, EventOutcome::Fulfilled);
        }
        browser.assert_no_event();
        let why = |note: &SyncNotification| {
            matches!(
                note,
                SyncNotification::HeldBack {
                    why: WhyNotFired::Chained { depth: 3, .. },
                    ..
                }
            )
        };
        browser.note(why);
        page.register_by(client);
        browser.event();
    }
}
