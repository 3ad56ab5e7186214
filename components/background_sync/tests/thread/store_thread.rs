//! Which thread commits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use background_sync::{Config, Connectivity};
use background_sync_core::{Durability, StoreOp};
use background_sync_store::{Loaded, MemoryStore, RegistrationStore, StoreError};
use crossbeam_channel::{Receiver, Sender, unbounded};

use crate::support::{Browser, OPEN, SOON};

/// A medium is fast after so many commits that took less than [`SLOW_MS`], and not any more after one that takes as long as
/// [`STALLED_MS`].
const FAST_COMMITS: usize = 16;
const SLOW_MS: u64 = 2;
const STALLED_MS: u64 = 20;

/// Tells in which thread it commits.
struct Told {
    inner: MemoryStore,
    delay_ms: Arc<AtomicU64>,
    threads: Sender<String>,
}

impl RegistrationStore for Told {
    fn load_all(&mut self) -> Result<Loaded, StoreError> {
        self.inner.load_all()
    }

    fn commit(&mut self, batch: &[StoreOp], durability: Durability) -> Result<(), StoreError> {
        let name = thread::current().name().map(str::to_owned);
        let _ = self.threads.send(name.unwrap_or_default());
        match self.delay_ms.load(Ordering::SeqCst) {
            0 => {}
            delay_ms => thread::sleep(Duration::from_millis(delay_ms)),
        }
        self.inner.commit(batch, durability)
    }
}

fn browser(delay_ms: &Arc<AtomicU64>) -> (Browser, Receiver<String>) {
    let (threads, threads_in) = unbounded();
    let store = Told {
        inner: MemoryStore::new(),
        delay_ms: delay_ms.clone(),
        threads,
    };
    let config = Config::new().connectivity(Connectivity::Offline);
    let browser = Browser::start_with(config, Some(OPEN), Some(Box::new(store))).unwrap();
    (browser, threads_in)
}

#[test]
fn a_commit_is_handed_to_a_thread_unless_the_medium_is_fast() {
    let delay_ms = Arc::new(AtomicU64::new(SLOW_MS));
    let (browser, threads) = browser(&delay_ms);
    let page = browser.page();
    let mut registered = 0;
    let mut register = || {
        registered += 1;
        page.register(&registered.to_string()).unwrap();
        threads.recv_timeout(SOON).unwrap()
    };
    for _ in 0..=FAST_COMMITS {
        assert_eq!(register(), "SyncStore");
    }
    delay_ms.store(0, Ordering::SeqCst);
    // A machine that is busy may interrupt one of them for longer.
    let mut in_thread = 0;
    while register() == "SyncStore" {
        in_thread += 1;
        assert!(in_thread < 100 * FAST_COMMITS);
    }
    assert!(in_thread >= FAST_COMMITS, "{in_thread}");
    // The first that is so slow is the last that holds the manager up.
    delay_ms.store(STALLED_MS, Ordering::SeqCst);
    let mut in_manager = 0;
    while register() != "SyncStore" {
        in_manager += 1;
    }
    assert!(in_manager <= 1, "{in_manager}");
    for _ in 0..FAST_COMMITS {
        assert_eq!(register(), "SyncStore");
    }
    assert_eq!(page.tags().len(), registered);
}
