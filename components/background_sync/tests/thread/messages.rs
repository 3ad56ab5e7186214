//! What script is told: what has happened, and nothing of the machine. The particulars are for the embedder.

use std::io;

use background_sync::traits::{SyncRequest, SyncResponse};
use background_sync::*;
use background_sync_core::StoreOp;
use background_sync_store::Loaded;

use crate::support::*;

const PROFILE: &str = "/home/somebody/.config/browser";

/// Fails in one way.
struct FaultyStore(fn() -> StoreError);

impl RegistrationStore for FaultyStore {
    fn load_all(&mut self) -> Result<Loaded, StoreError> {
        Ok(Loaded::default())
    }

    fn commit(&mut self, _: &[StoreOp], _: Durability) -> Result<(), StoreError> {
        Err(self.0())
    }
}

/// Each fault of a store, and what script may know of it.
const FAULTS: [(fn() -> StoreError, StorageProblem); 6] = [
    (
        || StoreError::Full {
            path: PROFILE.into(),
        },
        StorageProblem::Full,
    ),
    (
        || StoreError::NotWritable {
            path: PROFILE.into(),
            source: io::Error::other(PROFILE),
        },
        StorageProblem::NotWritable,
    ),
    (
        || StoreError::InUse {
            path: PROFILE.into(),
        },
        StorageProblem::InUse,
    ),
    (
        || StoreError::TooNew {
            path: PROFILE.into(),
            found: 7,
            known: 1,
        },
        StorageProblem::TooNew,
    ),
    (
        || StoreError::Medium {
            path: PROFILE.into(),
            reason: PROFILE.to_owned(),
        },
        StorageProblem::Damaged,
    ),
    (
        || StoreError::Other(PROFILE.to_owned()),
        StorageProblem::Failed,
    ),
];

#[test]
fn a_page_is_told_which_kind_of_fault_it_was_and_the_embedder_where() {
    for (fault, problem) in FAULTS {
        let store = Box::new(FaultyStore(fault));
        let browser = Browser::start_with(Config::new(), Some(OPEN), Some(store)).unwrap();
        let error = browser.page().register("x").unwrap_err();
        assert_eq!(error, RegisterError::Storage { problem });
        assert!(!error.to_string().contains(['/', '\\']), "{error}");
        let note = browser.note(|note| matches!(note, SyncNotification::StorageFailed { .. }));
        let SyncNotification::StorageFailed { fault, .. } = &note else {
            panic!("{note:?}")
        };
        assert!(fault.reason.contains(PROFILE), "{fault}");
        assert_eq!(fault.problem, problem);
        // The journal has it, too.
        let control = browser.thread.as_ref().unwrap().control();
        let journal = control.journal(JournalQuery::default());
        let journal = journal.wait_timeout(SOON).unwrap();
        assert!(journal.iter().any(|entry| entry.what == note));
    }
}

/// Whatever keeps the manager from starting, no answer of its stand-in names it.
#[test]
fn a_manager_that_did_not_start_does_not_say_where() {
    let faults = FAULTS.iter().map(|(fault, _)| StartError::Store(fault()));
    let no_thread = StartError::Thread(io::Error::other(PROFILE));
    for error in faults.chain([no_thread]) {
        let (messages, messages_in) = crossbeam_channel::unbounded::<Result<Message, String>>();
        let browser = Browser {
            thread: Some(SyncManager::spawn_unavailable(&error, messages_in)),
            messages: Some(messages),
            engine: crossbeam_channel::never(),
            notes: crossbeam_channel::never(),
        };
        let page = browser.page();
        page.request(register_request("x"));
        let tag = Tag::try_from("x").unwrap();
        page.request(SyncRequest::UnregisterPeriodic { tag });
        for _ in 0..2 {
            let message = match page.reply().response {
                SyncResponse::Registered(Err(error)) => error.to_string(),
                SyncResponse::Unregistered(Err(error)) => error.to_string(),
                other => panic!("not refused: {other:?}"),
            };
            assert!(!message.contains(['/', '\\']), "{message}");
        }
    }
}
