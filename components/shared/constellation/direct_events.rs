/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The way of a sync event straight to the thread of a worker that runs in this process. Without it, each event waits until
//! the service worker manager's thread is awake, which has nothing to do for a worker that runs already.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use background_sync_traits::{DispatchedEvent, ScopeKey};
use serde::{Deserialize, Serialize};

use crate::OnlineState;

/// So many workers are known. With one more, all are forgotten: each one's next event goes by its manager, which makes it
/// known again.
const MAX_KNOWN_WORKERS: usize = 256;

/// The thread of a worker.
pub trait EventTaker: Send + Sync {
    /// Gives the event back if the worker's manager has to see to it: because it has the worker ended or replaced, say.
    fn take(&self, event: DispatchedEvent, online: OnlineState) -> Result<(), DispatchedEvent>;
}

/// The workers that take events of one SyncManager thread. There may be several in a process, one after the other.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct DirectEvents(u64);

type Takers = HashMap<(DirectEvents, ScopeKey), Arc<dyn EventTaker>>;

static TAKERS: LazyLock<Mutex<Takers>> = LazyLock::new(Mutex::default);

impl DirectEvents {
    /// None, for a new SyncManager thread.
    #[expect(clippy::new_without_default, reason = "each one is another")]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    /// From now on, this worker takes the events of its scope.
    pub fn add(self, scope: ScopeKey, taker: Arc<dyn EventTaker>) {
        let mut takers = lock();
        if takers.len() >= MAX_KNOWN_WORKERS {
            takers.clear();
        }
        takers.insert((self, scope), taker);
    }

    /// Gives the event back if no worker takes it.
    pub fn give(self, event: DispatchedEvent, online: OnlineState) -> Result<(), DispatchedEvent> {
        let key = (self, event.scope.clone());
        // The lock is not held meanwhile: managers take theirs first.
        let Some(taker) = lock().get(&key).cloned() else {
            return Err(event);
        };
        taker.take(event, online).inspect_err(|_| {
            let mut takers = lock();
            // Unless there is another by now.
            if takers.get(&key).is_some_and(|it| Arc::ptr_eq(it, &taker)) {
                takers.remove(&key);
            }
        })
    }

    /// The SyncManager thread ends.
    pub fn end(self) {
        lock().retain(|(of, _), _| *of != self);
    }
}

/// Nobody panics while they hold it.
fn lock() -> MutexGuard<'static, Takers> {
    TAKERS.lock().unwrap_or_else(PoisonError::into_inner)
}
