/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Who may use Background Sync: what the embedder has set, and what it is asked.
//!
//! <https://wicg.github.io/background-sync/spec/#permissions-integration>

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use background_sync::{ClientState, Permission, PermissionName};
use parking_lot::Mutex;

/// Answers of the embedder that are remembered. Beyond that it is asked again, as content could name any number of
/// origins.
const MAX_REMEMBERED_DECISIONS: usize = 16_384;

/// The serialization of an origin, and which permission.
type Key = (String, PermissionName);

/// Goes on once there is a decision.
type Waiter = Box<dyn FnOnce(Permission) + Send>;

/// Who decides about an origin for which nothing is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OtherOrigins {
    /// [`ServoDelegate::request_background_sync_permission`](crate::ServoDelegate), once, and on the embedder's thread: a sync
    /// that is due when Servo starts waits until that spins.
    #[default]
    Asked,
    /// What a request that is dropped takes: nobody is asked, and nothing waits.
    Default,
}

#[derive(Default)]
struct State {
    decided: HashMap<Key, Permission>,
    /// What the embedder is being asked.
    asked: HashMap<Key, Vec<Waiter>>,
}

impl State {
    /// Until the embedder decides otherwise.
    fn remember(&mut self, key: Key, permission: Permission) {
        if self.decided.len() < MAX_REMEMBERED_DECISIONS {
            self.decided.insert(key, permission);
        }
    }
}

/// The permissions of all origins. Shared by the embedder's thread and the SyncManager thread.
#[derive(Clone)]
pub(crate) struct Permissions {
    state: Arc<Mutex<State>>,
    others: OtherOrigins,
}

impl Permissions {
    pub(crate) fn new(others: OtherOrigins) -> Self {
        Self {
            state: Arc::default(),
            others,
        }
    }

    /// The embedder has decided, asked or not.
    pub(crate) fn set(&self, origin: String, name: PermissionName, permission: Permission) {
        let key = (origin, name);
        let mut state = self.state.lock();
        state.decided.insert(key.clone(), permission);
        let waiters = state.asked.remove(&key);
        drop(state);
        for waiter in waiters.into_iter().flatten() {
            waiter(permission);
        }
    }

    /// What the embedder has decided so far.
    #[cfg(feature = "offline")]
    pub(crate) fn decided(&self, origin: &str, name: PermissionName) -> Option<Permission> {
        let key = (origin.to_owned(), name);
        self.state.lock().decided.get(&key).copied()
    }

    /// Goes on with the decision about `origin`. Returns what the embedder is to be asked first, if it is to be asked, and
    /// is not being asked already.
    pub(crate) fn when_decided(
        &self,
        origin: &str,
        name: PermissionName,
        waiter: Waiter,
    ) -> Option<BackgroundSyncPermissionRequest> {
        let key = (origin.to_owned(), name);
        let mut state = self.state.lock();
        if let Some(permission) = state.decided.get(&key).copied() {
            drop(state);
            waiter(permission);
            return None;
        }
        if self.others == OtherOrigins::Default {
            let permission = by_default(name);
            state.remember(key, permission);
            drop(state);
            waiter(permission);
            return None;
        }
        match state.asked.entry(key) {
            Entry::Occupied(mut asked) => {
                asked.get_mut().push(waiter);
                None
            }
            Entry::Vacant(vacant) => {
                vacant.insert(vec![waiter]);
                Some(BackgroundSyncPermissionRequest {
                    permissions: self.clone(),
                    origin: origin.to_owned(),
                    name,
                })
            }
        }
    }

    /// The embedder has answered. Nothing happens if the decision was made in another way meanwhile.
    fn answer(&self, origin: &str, name: PermissionName, permission: Permission) {
        let key = (origin.to_owned(), name);
        let mut state = self.state.lock();
        let Some(waiters) = state.asked.remove(&key) else {
            return;
        };
        state.remember(key, permission);
        drop(state);
        for waiter in waiters {
            waiter(permission);
        }
    }
}

/// What an origin may do about which nobody has decided.
fn by_default(name: PermissionName) -> Permission {
    let state = ClientState::new(false);
    match name {
        PermissionName::BackgroundSync => state.permission,
        PermissionName::PeriodicBackgroundSync => state.periodic_permission,
        PermissionName::Notifications => Permission::Denied,
    }
}

/// A page wants to use Background Sync or to show notifications, or an event of an earlier run is due, and the embedder has not decided about its
/// origin yet. Comes without a web view: there may be none.
///
/// The answer holds until the end of the run, or until
/// [`BackgroundSyncManager::set_permission`](crate::BackgroundSyncManager::set_permission). Dropped without an answer,
/// the request takes the default: `background-sync` is allowed, `periodic-background-sync` and `notifications` are not.
pub struct BackgroundSyncPermissionRequest {
    permissions: Permissions,
    origin: String,
    name: PermissionName,
}

impl BackgroundSyncPermissionRequest {
    /// Who asks: the serialization of an origin, like `https://app.example`.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What for.
    pub fn permission_name(&self) -> PermissionName {
        self.name
    }

    /// Allows it.
    pub fn allow(self) {
        self.permissions
            .answer(&self.origin, self.name, Permission::Granted);
    }

    /// Denies it: `register()` rejects with `NotAllowedError`, and a registration that is due is removed.
    pub fn deny(self) {
        self.permissions
            .answer(&self.origin, self.name, Permission::Denied);
    }
}

impl Drop for BackgroundSyncPermissionRequest {
    fn drop(&mut self) {
        let permission = by_default(self.name);
        self.permissions.answer(&self.origin, self.name, permission);
    }
}

impl fmt::Debug for BackgroundSyncPermissionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundSyncPermissionRequest")
            .field("origin", &self.origin)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
