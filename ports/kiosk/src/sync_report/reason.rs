//! Why something has not been sent yet, in sentences for whoever stands before the device.

use background_sync_core::{RegistrationState, StoredRegistration, SyncApi, WallTime, WhyNotFired};
use serde::{Deserialize, Serialize};

use super::api::{Words, words};
use super::in_words::{ahead, tries};

/// Why something has not been sent yet, or what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// For programs, `waits-for-retry` say. Does not change with the wording of the others.
    pub code: String,
    /// For a column of a table.
    pub short: String,
    /// For people.
    pub sentence: String,
    /// In how many milliseconds something happens by itself, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_ms: Option<u64>,
}

impl Reason {
    /// One without a time.
    pub fn new(code: &str, short: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            short: short.into(),
            sentence: sentence.into(),
            in_ms: None,
        }
    }

    fn in_ms(mut self, in_ms: u64) -> Self {
        self.in_ms = Some(in_ms);
        self
    }
}

/// What a registration of a running kiosk waits for.
pub fn of_running(api: SyncApi, why: &WhyNotFired) -> Reason {
    Reason {
        code: code(why).to_owned(),
        short: short(api, why),
        sentence: sentence(api, why),
        in_ms: in_ms(why),
    }
}

fn code(why: &WhyNotFired) -> &'static str {
    match why {
        WhyNotFired::NotRegistered => "not-registered",
        WhyNotFired::BeingStored => "being-stored",
        WhyNotFired::PromiseNotResolved => "promise-not-resolved",
        WhyNotFired::Offline => "offline",
        WhyNotFired::WaitsForRetry { .. } => "waits-for-retry",
        WhyNotFired::PutOff { .. } => "put-off",
        WhyNotFired::WaitsForInterval { .. } => "waits-for-interval",
        WhyNotFired::Suspended => "suspended",
        WhyNotFired::NoActiveWorker => "no-active-worker",
        WhyNotFired::NoFreeSlot => "no-free-slot",
        WhyNotFired::BeingPrepared => "being-prepared",
        WhyNotFired::Running { .. } => "running",
        WhyNotFired::WaitsForOrigin { .. } => "waits-for-origin",
        WhyNotFired::WaitsForWakeUp { .. } => "waits-for-wake-up",
        WhyNotFired::PermissionDenied => "permission-denied",
        WhyNotFired::Chained { .. } => "chained",
    }
}

fn in_ms(why: &WhyNotFired) -> Option<u64> {
    match *why {
        WhyNotFired::WaitsForRetry { in_ms, .. }
        | WhyNotFired::PutOff { in_ms }
        | WhyNotFired::WaitsForInterval { in_ms }
        | WhyNotFired::WaitsForOrigin { in_ms }
        | WhyNotFired::WaitsForWakeUp { in_ms }
        | WhyNotFired::Chained { in_ms, .. } => Some(in_ms),
        WhyNotFired::NotRegistered
        | WhyNotFired::BeingStored
        | WhyNotFired::PromiseNotResolved
        | WhyNotFired::Offline
        | WhyNotFired::Suspended
        | WhyNotFired::NoActiveWorker
        | WhyNotFired::NoFreeSlot
        | WhyNotFired::BeingPrepared
        | WhyNotFired::Running { .. }
        | WhyNotFired::PermissionDenied => None,
    }
}

/// What it waits for, as an object of "waits for".
fn short(api: SyncApi, why: &WhyNotFired) -> String {
    let when = ahead(in_ms(why).unwrap_or_default());
    match why {
        WhyNotFired::NotRegistered => "nothing".to_owned(),
        WhyNotFired::BeingStored => "the storage".to_owned(),
        WhyNotFired::PromiseNotResolved => "its page".to_owned(),
        WhyNotFired::Offline => "the network".to_owned(),
        WhyNotFired::WaitsForRetry { .. } => format!("the next try, {when}"),
        WhyNotFired::PutOff { .. } => format!("its turn, {when}"),
        WhyNotFired::WaitsForInterval { .. } => format!("its interval, {when}"),
        WhyNotFired::Suspended => "being switched on".to_owned(),
        WhyNotFired::NoActiveWorker => "its app's installation".to_owned(),
        WhyNotFired::NoFreeSlot => format!("other {}", words(api).many),
        WhyNotFired::BeingPrepared => format!("nothing: about to be {}", words(api).sent),
        WhyNotFired::Running { attempt } => {
            format!("nothing: being {}, try {attempt}", words(api).sent)
        }
        WhyNotFired::WaitsForOrigin { .. } => format!("its app's interval, {when}"),
        WhyNotFired::WaitsForWakeUp { .. } => format!("the next wake-up, {when}"),
        WhyNotFired::PermissionDenied => "a permission".to_owned(),
        WhyNotFired::Chained { .. } => format!("its app's pace, {when}"),
    }
}

fn sentence(api: SyncApi, why: &WhyNotFired) -> String {
    let Words {
        it,
        many,
        send,
        sent,
        ..
    } = words(api);
    let when = ahead(in_ms(why).unwrap_or_default());
    match why {
        WhyNotFired::NotRegistered => "Nothing of this name waits to be sent.".to_owned(),
        WhyNotFired::BeingStored => {
            format!("{it} is just being stored on this device. It is {sent} right after that.")
        }
        WhyNotFired::PromiseNotResolved => {
            format!(
                "{it} is stored on this device. It is {sent} as soon as its page has noticed that."
            )
        }
        WhyNotFired::Offline => {
            format!("{it} waits for the network. It is {sent} as soon as there is one.")
        }
        WhyNotFired::WaitsForRetry {
            failed_attempts, ..
        } => format!(
            "{it} could not be {sent} in {}. The next one is {when}.",
            tries(*failed_attempts)
        ),
        WhyNotFired::PutOff { .. } => format!(
            "{it} was put off for a short while, so that not everything happens at once. It is {sent} {when}."
        ),
        WhyNotFired::WaitsForInterval { .. } => {
            format!("{it} comes at intervals. The next one is {when} at the earliest.")
        }
        WhyNotFired::Suspended => format!(
            "The {many} of this app are switched off on this device. Whoever looks after it can switch them on."
        ),
        WhyNotFired::NoActiveWorker => format!(
            "The app is not completely installed on this device. {it} is {sent} as soon as it is: open the app while there is a network."
        ),
        WhyNotFired::NoFreeSlot => {
            format!(
                "Other {many} are being {sent}. This one follows as soon as one of them is done."
            )
        }
        WhyNotFired::BeingPrepared => format!("{it} is about to be {sent}."),
        WhyNotFired::Running { attempt } => {
            format!("{it} is being {sent} right now. This is try number {attempt}.")
        }
        WhyNotFired::WaitsForOrigin { .. } => format!(
            "The app has had one of its {many} a short while ago. The next one is {when} at the earliest."
        ),
        WhyNotFired::WaitsForWakeUp { .. } => format!(
            "This device has dealt with {many} a short while ago, and gathers them to save power. It goes on {when} at the earliest."
        ),
        WhyNotFired::PermissionDenied => format!(
            "This device does not let the app {send} {many} by itself. Whoever looks after it can allow that."
        ),
        WhyNotFired::Chained { depth, .. } => format!(
            "The app has asked for this {depth} times in a row without anybody using it, so it is slowed down. {it} is {sent} {when}."
        ),
    }
}

/// What a registration waits for while no kiosk runs: first of all for that. `now`: by the wall clock, as what is stored.
pub fn of_stored(stored: &StoredRegistration, now: WallTime) -> Reason {
    let Words { it, sent, .. } = words(stored.kind.api());
    let was_tried = tries(stored.attempts);
    let due_in_ms = stored.retry_at.map_or(0, |at| at.0.saturating_sub(now.0));
    match stored.state {
        RegistrationState::Firing | RegistrationState::ReregisteredWhileFiring => Reason::new(
            "interrupted",
            format!("the kiosk, which ended while it was {sent}"),
            format!("{it} was being {sent} when the kiosk ended. It is {sent} again once the kiosk runs and there is a network."),
        ),
        RegistrationState::Waiting if due_in_ms > 0 && stored.attempts > 0 => Reason::new(
            "kiosk-not-running",
            format!("the kiosk, and its next try {}", ahead(due_in_ms)),
            format!(
                "The kiosk does not run. {it} could not be {sent} in {was_tried}; the next one is {} if the kiosk runs then and there is a network.",
                ahead(due_in_ms)
            ),
        )
        .in_ms(due_in_ms),
        RegistrationState::Waiting if due_in_ms > 0 => Reason::new(
            "kiosk-not-running",
            format!("the kiosk, and its time {}", ahead(due_in_ms)),
            format!(
                "The kiosk does not run. {it} is due {} if the kiosk runs then and there is a network.",
                ahead(due_in_ms)
            ),
        )
        .in_ms(due_in_ms),
        RegistrationState::Waiting | RegistrationState::Pending => Reason::new(
            "kiosk-not-running",
            "the kiosk to run",
            format!("{it} is stored on this device. It is {sent} once the kiosk runs and there is a network."),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The variant that follows, so that one that is new can't be left out.
    fn next(why: &WhyNotFired) -> Option<WhyNotFired> {
        let in_ms = 240_000;
        Some(match why {
            WhyNotFired::NotRegistered => WhyNotFired::BeingStored,
            WhyNotFired::BeingStored => WhyNotFired::PromiseNotResolved,
            WhyNotFired::PromiseNotResolved => WhyNotFired::Offline,
            WhyNotFired::Offline => WhyNotFired::WaitsForRetry {
                in_ms,
                failed_attempts: 2,
            },
            WhyNotFired::WaitsForRetry { .. } => WhyNotFired::PutOff { in_ms },
            WhyNotFired::PutOff { .. } => WhyNotFired::WaitsForInterval { in_ms },
            WhyNotFired::WaitsForInterval { .. } => WhyNotFired::Suspended,
            WhyNotFired::Suspended => WhyNotFired::NoActiveWorker,
            WhyNotFired::NoActiveWorker => WhyNotFired::NoFreeSlot,
            WhyNotFired::NoFreeSlot => WhyNotFired::BeingPrepared,
            WhyNotFired::BeingPrepared => WhyNotFired::Running { attempt: 3 },
            WhyNotFired::Running { .. } => WhyNotFired::WaitsForOrigin { in_ms },
            WhyNotFired::WaitsForOrigin { .. } => WhyNotFired::WaitsForWakeUp { in_ms },
            WhyNotFired::WaitsForWakeUp { .. } => WhyNotFired::PermissionDenied,
            WhyNotFired::PermissionDenied => WhyNotFired::Chained { in_ms, depth: 4 },
            WhyNotFired::Chained { .. } => return None,
        })
    }

    #[test]
    fn every_reason_has_a_sentence_of_its_own_without_jargon() {
        let reasons: Vec<_> =
            std::iter::successors(Some(WhyNotFired::NotRegistered), next).collect();
        assert_eq!(reasons.len(), 16);
        for api in [SyncApi::OneShot, SyncApi::Periodic, SyncApi::Explainer] {
            let told: Vec<_> = reasons.iter().map(|why| of_running(api, why)).collect();
            for reason in &told {
                let sentence = &reason.sentence;
                assert!(sentence.ends_with('.') && sentence.starts_with(char::is_uppercase));
                for jargon in [
                    "worker", "regist", "origin", "event", "sync", "promise", "attempt", "ms",
                    "tag", "dispatch", "back-off", "embedder",
                ] {
                    let mut words = sentence.split(|c: char| !c.is_alphanumeric());
                    assert!(
                        !words.any(|word| word.eq_ignore_ascii_case(jargon)),
                        "{jargon} in {sentence}"
                    );
                }
            }
            let mut codes: Vec<_> = told.iter().map(|reason| &reason.code).collect();
            codes.sort();
            codes.dedup();
            assert_eq!(codes.len(), told.len(), "a code for each");
        }
    }

    #[test]
    fn the_sentences_word_by_word() {
        let sentence = |why| of_running(SyncApi::OneShot, &why).sentence;
        assert_eq!(
            sentence(WhyNotFired::Offline),
            "The message waits for the network. It is sent as soon as there is one."
        );
        assert_eq!(
            sentence(WhyNotFired::WaitsForRetry {
                in_ms: 240_000,
                failed_attempts: 2
            }),
            "The message could not be sent in 2 tries. The next one is in 4 min."
        );
        assert_eq!(
            of_running(
                SyncApi::Periodic,
                &WhyNotFired::WaitsForInterval { in_ms: 7_200_000 }
            )
            .sentence,
            "The update comes at intervals. The next one is in 2 h at the earliest."
        );
    }
}
