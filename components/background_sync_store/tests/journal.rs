//! Entries of the journal, as they were ever written.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fmt::Write;

use background_sync_core::*;
use background_sync_store::*;

const GOLDEN: &str = include_str!("golden/journal-v1.txt");

fn scope() -> ScopeKey {
    ScopeKey {
        origin: "https://a.example".try_into().unwrap(),
        scope: "https://a.example/".try_into().unwrap(),
    }
}

fn tag() -> Tag {
    "t".try_into().unwrap()
}

fn held_back(why: WhyNotFired) -> SyncNotification {
    SyncNotification::HeldBack {
        api: SyncApi::Periodic,
        scope: scope(),
        tag: tag(),
        why,
    }
}

fn finished(outcome: EventOutcome, next: NextStep) -> SyncNotification {
    SyncNotification::Finished {
        api: SyncApi::Explainer,
        scope: scope(),
        tag: tag(),
        attempt: 2,
        outcome,
        next,
    }
}

fn removed(reason: RemovalReason) -> SyncNotification {
    SyncNotification::Removed {
        api: SyncApi::OneShot,
        scope: scope(),
        tag: tag(),
        reason,
    }
}

fn rejected(reason: RegisterError) -> SyncNotification {
    SyncNotification::Rejected {
        api: SyncApi::OneShot,
        scope: scope(),
        tag: Some(tag()),
        reason,
    }
}

/// Each reason for which `register()` is refused.
fn refusals() -> Vec<SyncNotification> {
    let (bytes, limit) = (300, 200);
    let errors = [
        RegisterError::NoActiveWorker,
        RegisterError::PermissionDenied,
        RegisterError::NoWindow,
        RegisterError::TagTooLong(TagTooLong { bytes: 300 }),
        RegisterError::PeriodicPermissionDenied,
        RegisterError::TextTooLong(TextTooLong {
            bytes: 300,
            limit: 200,
        }),
        RegisterError::DataTooLong { bytes, limit },
        RegisterError::TooMuchDataForOrigin { limit },
        RegisterError::TooMuchDataInAll { limit },
        RegisterError::TooManyForOrigin { limit: 200 },
        RegisterError::TooManyInAll { limit: 200 },
        // Of these two, older versions have stored a text for people.
        RegisterError::Storage {
            problem: StorageProblem::Failed,
        },
        RegisterError::Unavailable {
            why: Unavailability::Failed,
        },
    ];
    errors.map(rejected).into()
}

/// Each reason for which something does not fire.
fn waits() -> Vec<SyncNotification> {
    let in_ms = 70_000;
    let reasons = [
        WhyNotFired::NotRegistered,
        WhyNotFired::BeingStored,
        WhyNotFired::PromiseNotResolved,
        WhyNotFired::Offline,
        WhyNotFired::WaitsForRetry {
            in_ms,
            failed_attempts: 3,
        },
        WhyNotFired::PutOff { in_ms },
        WhyNotFired::WaitsForInterval { in_ms },
        WhyNotFired::Suspended,
        WhyNotFired::NoActiveWorker,
        WhyNotFired::NoFreeSlot,
        WhyNotFired::BeingPrepared,
        WhyNotFired::Running { attempt: 1 },
        WhyNotFired::WaitsForOrigin { in_ms },
        WhyNotFired::WaitsForWakeUp { in_ms },
        WhyNotFired::PermissionDenied,
    ];
    reasons.map(held_back).into()
}

fn ends() -> Vec<SyncNotification> {
    let mut all = vec![
        finished(EventOutcome::Fulfilled, NextStep::Removed),
        finished(EventOutcome::Rejected, NextStep::RetryIn { ms: 60_000 }),
        finished(EventOutcome::WorkerGone, NextStep::FiresAgain),
        finished(EventOutcome::TimedOut, NextStep::Suspended),
        finished(EventOutcome::NotStarted, NextStep::Parked),
        finished(EventOutcome::Fulfilled, NextStep::IntervalOf { ms: 60_000 }),
    ];
    all.extend(
        [
            RemovalReason::WorkerUnregistered,
            RemovalReason::PermissionDenied,
            RemovalReason::InterruptedTooOften,
            RemovalReason::StoredTwice,
            RemovalReason::Cleared,
            RemovalReason::Unregistered,
        ]
        .map(removed),
    );
    all
}

/// What came in later versions.
fn later() -> Vec<SyncNotification> {
    let (in_ms, depth) = (70_000, 4);
    let mut all = vec![held_back(WhyNotFired::Chained { in_ms, depth })];
    let storage = |&problem| rejected(RegisterError::Storage { problem });
    all.extend(StorageProblem::ALL.iter().map(storage));
    let unavailable = |&why| rejected(RegisterError::Unavailable { why });
    all.extend(Unavailability::ALL.iter().map(unavailable));
    all
}

/// Whether an older version has stored it as well, in its own way.
fn was_a_text(entry: &JournalEntry) -> bool {
    let SyncNotification::Rejected { reason, .. } = &entry.what else {
        return false;
    };
    matches!(
        reason,
        RegisterError::Storage {
            problem: StorageProblem::Failed
        } | RegisterError::Unavailable {
            why: Unavailability::Failed
        }
    )
}

/// Everything that can have happened, in the order of the golden file.
fn everything() -> Vec<SyncNotification> {
    let (api, fault) = (SyncApi::Periodic, StoreFault::failed("why"));
    let mut all = vec![
        SyncNotification::Restored { count: 7 },
        SyncNotification::SetAside {
            records: 1,
            file: Some("file".to_owned()),
        },
        SyncNotification::Registered {
            api,
            scope: scope(),
            tag: tag(),
            duplicate: true,
        },
        SyncNotification::Dispatched {
            api,
            scope: scope(),
            tag: tag(),
            attempt: 300,
            last_chance: true,
        },
        SyncNotification::ConnectivityChanged {
            connectivity: Connectivity::Offline,
            pending: 1,
            waiting: 2,
        },
        SyncNotification::StorageFailed {
            api,
            scope: scope(),
            tag: tag(),
            fault,
        },
        SyncNotification::ExtraIntervalSet {
            origin: scope().origin,
            extra: ExtraInterval::Never,
            registrations: 2,
        },
    ];
    all.extend(refusals());
    all.extend(waits());
    all.extend(ends());
    all.extend(later());
    all
}

fn entry(number: usize, what: SyncNotification) -> JournalEntry {
    JournalEntry {
        sequence: 1_000 + u64::try_from(number).unwrap(),
        at: WallTime(1_700_000_000_000),
        times: 2,
        what,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16);
    digits.map(|pair| byte(pair).unwrap()).collect()
}

/// What is new comes at the end of its enum and of the file; no line of it ever changes.
#[test]
fn the_journal_is_read_as_it_was_written() {
    let golden: Vec<&str> = GOLDEN.lines().collect();
    let entries: Vec<_> = everything()
        .into_iter()
        .enumerate()
        .map(|(number, what)| entry(number, what))
        .collect();
    let written: Vec<_> = entries
        .iter()
        .map(|entry| hex(&encode_entry(entry).unwrap()))
        .collect();
    assert_eq!(written.len(), golden.len(), "{}", written.join("\n"));
    for ((entry, line), written) in entries.iter().zip(golden).zip(&written) {
        assert!(written == line || was_a_text(entry), "{written}");
        assert_eq!(decode_entry(&bytes_of(line)).unwrap(), *entry);
    }
}

/// Before there was more than one API, an entry did not say which: it is no entry any more, and is
/// never taken for one of another kind.
#[test]
fn an_entry_without_an_api_is_left_out() {
    let what = everything().swap_remove(2);
    let with_api = encode_entry(&entry(0, what)).unwrap();
    let origin = b"https://a.example";
    let at = with_api.windows(origin.len()).position(|w| w == origin);
    // The API is the byte before the length of the origin.
    let api = at.unwrap() - 2;
    let mut without = with_api.clone();
    without.remove(api);
    assert!(matches!(
        decode_entry(&without),
        Err(CodecError::Damaged(_))
    ));
    assert!(decode_entry(&with_api).is_ok());
}
