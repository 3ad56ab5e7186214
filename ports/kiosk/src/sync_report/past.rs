//! What became of something that does not wait any more.

use background_sync_core::{
    EventOutcome, JournalEntry, NextStep, SyncApi, SyncNotification, WallTime,
};

use super::api::{Words, words};
use super::in_words::{ago, tries};
use super::reason::Reason;
use super::refusal::{of_removal, of_request, of_storage};

/// What its history says of something that is not registered; `history`: the oldest first.
pub fn of_history(api: SyncApi, history: &[JournalEntry], now: WallTime) -> Reason {
    let told = history
        .iter()
        .rev()
        .find_map(|entry| Some((what_became(api, &entry.what)?, entry.at)));
    match told {
        Some(((code, sentence), at)) => {
            let when = ago(at.0, now.0);
            Reason::new(code, "nothing", format!("{sentence} That was {when}."))
        }
        None => Reason::new(
            "not-registered",
            "nothing",
            "Nothing of this name waits to be sent, and what became of it is not known any more.",
        ),
    }
}

/// `None`: something that ends nothing.
fn what_became(api: SyncApi, what: &SyncNotification) -> Option<(&'static str, String)> {
    let Words { it, sent, .. } = words(api);
    match what {
        SyncNotification::Finished {
            outcome,
            next: NextStep::Removed,
            attempt,
            ..
        } => Some(match outcome {
            EventOutcome::Fulfilled => ("sent", format!("{it} was {sent}.")),
            EventOutcome::Rejected
            | EventOutcome::WorkerGone
            | EventOutcome::TimedOut
            | EventOutcome::NotStarted => (
                "given-up",
                format!(
                    "{it} could not be {sent} in {}, and was given up.",
                    tries(*attempt)
                ),
            ),
        }),
        SyncNotification::Removed { reason, .. } => Some(of_removal(api, *reason)),
        SyncNotification::Rejected { reason, .. } => Some(of_request(api, reason)),
        SyncNotification::StorageFailed { fault, .. } => Some((
            "not-stored",
            format!("{it} could not be stored. {}", of_storage(fault.problem)),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use background_sync_core::{RemovalReason, ScopeKey, Tag};

    use super::*;

    fn told(what: impl FnOnce(SyncApi, ScopeKey, Tag) -> SyncNotification) -> Reason {
        let scope = ScopeKey {
            origin: "https://a.example".try_into().expect("short"),
            scope: "https://a.example/".try_into().expect("short"),
        };
        let tag = Tag::try_from("outbox").expect("short");
        let entry = JournalEntry {
            sequence: 0,
            at: WallTime(10_000),
            times: 1,
            what: what(SyncApi::OneShot, scope, tag),
        };
        of_history(SyncApi::OneShot, &[entry], WallTime(22_000))
    }

    #[test]
    fn what_was_sent_and_what_was_given_up() {
        let finished = |outcome| {
            move |api, scope, tag| SyncNotification::Finished {
                api,
                scope,
                tag,
                attempt: 3,
                outcome,
                next: NextStep::Removed,
            }
        };
        let sent = told(finished(EventOutcome::Fulfilled));
        assert_eq!(sent.sentence, "The message was sent. That was 12 s ago.");
        let given_up = told(finished(EventOutcome::Rejected));
        assert_eq!(given_up.code, "given-up");
        assert_eq!(
            given_up.sentence,
            "The message could not be sent in 3 tries, and was given up. That was 12 s ago."
        );
    }

    #[test]
    fn what_was_dropped() {
        let reason = RemovalReason::Unregistered;
        let dropped = told(|api, scope, tag| SyncNotification::Removed {
            api,
            scope,
            tag,
            reason,
        });
        assert_eq!(dropped.code, "removed-by-app");
        assert_eq!(
            dropped.sentence,
            "The app itself has taken the message back. That was 12 s ago."
        );
    }

    #[test]
    fn what_is_not_known() {
        let reason = of_history(SyncApi::OneShot, &[], WallTime(0));
        assert_eq!(reason.code, "not-registered");
    }
}
