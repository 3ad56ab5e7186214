//! The relaxed setting: nobody waits for the store, but for what is removed.

use background_sync::*;
use background_sync_core::StoreOp;
use background_sync_store::Loaded;

use crate::order::slow_store;
use crate::support::*;

fn relaxed() -> Config {
    Config::new().policy(Policy {
        durability: Durability::Relaxed,
        ..quick()
    })
}

#[test]
fn a_relaxed_register_does_not_wait_for_the_store_and_a_removal_does() {
    let (store, go, _, _) = slow_store();
    let browser = Browser::start_with(
        relaxed().connectivity(Connectivity::Offline),
        Some(OPEN),
        Some(store),
    )
    .unwrap();
    // The store never comes back, and a page does not notice.
    browser.page().register("t").unwrap();
    assert_eq!(browser.page().tags(), ["t"]);
    let control = browser.thread.as_ref().unwrap().control();
    let tag = Tag::try_from("t").unwrap();
    let removal = control.unregister(SyncApi::OneShot, scope(), tag);
    assert!(removal.wait_timeout(A_MOMENT).is_none());
    drop(go);
}

#[test]
fn what_is_relaxed_survives_an_orderly_end() {
    let folder = tempfile::tempdir().unwrap();
    let offline = || {
        relaxed()
            .connectivity(Connectivity::Offline)
            .directory(folder.path())
    };
    let mut browser = Browser::start(offline());
    browser.page().register("a").unwrap();
    browser.page().register("b").unwrap();
    browser.shutdown();
    let browser = Browser::start(offline());
    assert_eq!(browser.page().tags(), ["a", "b"]);
}

/// Does not store anything.
struct FullStore;

impl RegistrationStore for FullStore {
    fn load_all(&mut self) -> Result<Loaded, StoreError> {
        Ok(Loaded::default())
    }

    fn commit(&mut self, _: &[StoreOp], _: Durability) -> Result<(), StoreError> {
        Err(StoreError::Other("there is no room".to_owned()))
    }
}

#[test]
fn a_fault_of_a_relaxed_store_is_told_and_the_event_fires_all_the_same() {
    let store = Box::new(FullStore);
    let browser = Browser::start_with(relaxed(), Some(OPEN), Some(store)).unwrap();
    browser.page().register("t").unwrap();
    let event = browser.event();
    browser.note(|note| matches!(note, SyncNotification::StorageFailed { .. }));
    browser.finish(event.event, EventOutcome::Fulfilled);
    let done = NextStep::Removed;
    browser.note(|note| matches!(note, SyncNotification::Finished { next, .. } if *next == done));
}
