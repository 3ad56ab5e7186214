//! Why something was not accepted, or was dropped, in sentences for whoever stands before the device.

use background_sync_core::{
    RegisterError, RemovalReason, StorageProblem, SyncApi, TagTooLong, TextTooLong, Unavailability,
};

use super::api::{Words, words};

/// A code for programs, and a sentence.
pub type Told = (&'static str, String);

/// Why the app's request was refused.
pub fn of_request(api: SyncApi, error: &RegisterError) -> Told {
    let Words {
        it,
        inside,
        many,
        send,
        ..
    } = words(api);
    match error {
        RegisterError::NoActiveWorker => (
            "refused-no-active-worker",
            "The app asked before it was completely installed on this device. Open it again while there is a network."
                .to_owned(),
        ),
        RegisterError::PermissionDenied | RegisterError::PeriodicPermissionDenied => (
            "refused-permission",
            format!("This device does not let the app {send} {many} by itself. Whoever looks after it can allow that."),
        ),
        RegisterError::NoWindow => (
            "refused-no-window",
            "The app asked while it was not open. Open it and try once more.".to_owned(),
        ),
        RegisterError::TagTooLong(TagTooLong { .. }) => (
            "refused-name-too-long",
            format!("The app has given {inside} a name that is too long. Tell its makers."),
        ),
        RegisterError::TextTooLong(TextTooLong { .. }) => (
            "refused-text-too-long",
            format!("The app has given {inside} a text that is too long. Tell its makers."),
        ),
        RegisterError::DataTooLong { limit, .. } => (
            "refused-data-too-long",
            format!("{it} is too large: at most {limit} bytes can wait here."),
        ),
        RegisterError::TooMuchDataForOrigin { limit } => (
            "refused-data-of-app",
            format!("Too much of this app waits to be sent: there is room for {limit} bytes. Once some of it is sent, there is room again."),
        ),
        RegisterError::TooMuchDataInAll { limit } => (
            "refused-data-in-all",
            format!("Too much waits to be sent on this device: there is room for {limit} bytes. Once some of it is sent, there is room again."),
        ),
        RegisterError::TooManyForOrigin { limit } => (
            "refused-too-many-of-app",
            format!("There is room for {limit} {many} of this app, and as many wait. Once some are sent, there is room again."),
        ),
        RegisterError::TooManyInAll { limit } => (
            "refused-too-many-in-all",
            format!("There is room for {limit} {many} on this device, and as many wait. Once some are sent, there is room again."),
        ),
        RegisterError::Storage { problem } => (
            "refused-storage",
            format!("{it} could not be stored. {}", of_storage(*problem)),
        ),
        RegisterError::Unavailable { why } => ("refused-unavailable", of_unavailability(*why)),
    }
}

/// Why something was dropped without being sent.
pub fn of_removal(api: SyncApi, reason: RemovalReason) -> Told {
    let Words {
        it,
        inside,
        many,
        send,
        ..
    } = words(api);
    match reason {
        RemovalReason::WorkerUnregistered => (
            "removed-with-app",
            format!("The app was removed from this device, and {inside} with it."),
        ),
        RemovalReason::PermissionDenied => (
            "removed-permission",
            format!(
                "{it} was dropped, since this device does not let the app {send} {many} by itself. Whoever looks after it can allow that."
            ),
        ),
        RemovalReason::InterruptedTooOften => (
            "removed-interrupted",
            format!(
                "{it} was given up: each time it was being sent, the kiosk ended before it was done."
            ),
        ),
        RemovalReason::StoredTwice => (
            "removed-twice",
            format!("{it} was stored twice, and one of the two was dropped."),
        ),
        RemovalReason::Cleared => (
            "removed-by-operator",
            format!("{it} was dropped by whoever looks after this device."),
        ),
        RemovalReason::Unregistered => (
            "removed-by-app",
            format!("The app itself has taken {inside} back."),
        ),
    }
}

/// What is wrong with the storage, and what helps.
pub fn of_storage(problem: StorageProblem) -> String {
    match problem {
        StorageProblem::Full => "This device has no space left.",
        StorageProblem::NotWritable => "This device does not let the kiosk write to its storage.",
        StorageProblem::InUse => "Another program uses the kiosk's storage.",
        StorageProblem::TooNew => {
            "The kiosk's storage was written by a newer version of the kiosk: install that again."
        }
        StorageProblem::Damaged => "The kiosk's storage is damaged or out of reach.",
        StorageProblem::Failed => "The kiosk's storage has failed.",
    }
    .to_owned()
}

fn of_unavailability(why: Unavailability) -> String {
    match why {
        Unavailability::ShuttingDown => "The kiosk was ending. Try once more when it runs again.",
        Unavailability::NotStarted => {
            "The kiosk can't keep anything to be sent later: its storage could not be opened. Restart it."
        }
        Unavailability::Off => "Sending later is switched off on this device.",
        Unavailability::NoScope => "The app's address is of a kind that can't send anything later.",
        Unavailability::TooManyCalls => {
            "The app has asked for too much at once. Wait a moment and try once more."
        }
        Unavailability::Busy => "The kiosk was too busy. Wait a moment and try once more.",
        Unavailability::Malformed => "The kiosk could not understand the app. Restart it.",
        Unavailability::Failed => "Something in the kiosk has failed. Restart it.",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_sentences(all: &[String]) {
        for sentence in all {
            let is_whole = sentence.ends_with('.') && sentence.starts_with(char::is_uppercase);
            assert!(is_whole, "{sentence}");
        }
        let mut unique = all.to_vec();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), all.len(), "each has its own: {all:?}");
    }

    #[test]
    fn everything_in_the_way_has_a_sentence_of_its_own() {
        let problems = StorageProblem::ALL
            .iter()
            .map(|&problem| of_storage(problem));
        assert_sentences(&problems.collect::<Vec<_>>());
        let unavailable = Unavailability::ALL
            .iter()
            .map(|&why| of_unavailability(why));
        assert_sentences(&unavailable.collect::<Vec<_>>());
    }

    /// The variant that follows, so that one that is new can't be left out.
    fn next(reason: &RemovalReason) -> Option<RemovalReason> {
        Some(match reason {
            RemovalReason::WorkerUnregistered => RemovalReason::PermissionDenied,
            RemovalReason::PermissionDenied => RemovalReason::InterruptedTooOften,
            RemovalReason::InterruptedTooOften => RemovalReason::StoredTwice,
            RemovalReason::StoredTwice => RemovalReason::Cleared,
            RemovalReason::Cleared => RemovalReason::Unregistered,
            RemovalReason::Unregistered => return None,
        })
    }

    #[test]
    fn every_removal_has_a_sentence_of_its_own() {
        let reasons = std::iter::successors(Some(RemovalReason::WorkerUnregistered), next);
        let told: Vec<_> = reasons
            .map(|reason| of_removal(SyncApi::OneShot, reason).1)
            .collect();
        assert_eq!(told.len(), 6);
        assert_sentences(&told);
    }

    #[test]
    fn every_refusal_has_a_sentence_of_its_own() {
        let (bytes, limit) = (300, 200);
        let (problem, why) = (StorageProblem::Full, Unavailability::Busy);
        let refusals = [
            RegisterError::NoActiveWorker,
            RegisterError::PermissionDenied,
            RegisterError::NoWindow,
            RegisterError::TagTooLong(TagTooLong { bytes }),
            RegisterError::TextTooLong(TextTooLong { bytes, limit: 200 }),
            RegisterError::DataTooLong { bytes: 300, limit },
            RegisterError::TooMuchDataForOrigin { limit },
            RegisterError::TooMuchDataInAll { limit },
            RegisterError::TooManyForOrigin { limit: 200 },
            RegisterError::TooManyInAll { limit: 200 },
            RegisterError::Storage { problem },
            RegisterError::Unavailable { why },
        ];
        let told = refusals.map(|error| of_request(SyncApi::OneShot, &error).1);
        assert_sentences(&told);
    }
}
