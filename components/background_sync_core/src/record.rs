//! What the scheduler asks a store to keep.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use crate::{
    ExplainerOptions, Origin, RegistrationId, RegistrationState, ScopeKey, StorageProblem,
    StoredCycle, StoredOrigin, SyncApi, Tag, WallTime,
};

/// Which API made a registration. One-shot and other registrations may share a tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RegistrationKind {
    /// Made by `SyncManager.register()`: removed once it succeeded.
    OneShot,
    /// Made by `PeriodicSyncManager.register()`: stays until it is unregistered.
    Periodic(StoredCycle),
    /// Made by `navigator.sync.register()` of the explainer of 2014.
    Explainer(Box<StoredExplainer>),
}

impl RegistrationKind {
    /// The API that made it.
    #[must_use]
    pub fn api(&self) -> SyncApi {
        match self {
            Self::OneShot => SyncApi::OneShot,
            Self::Periodic(_) => SyncApi::Periodic,
            Self::Explainer(_) => SyncApi::Explainer,
        }
    }
}

/// What a registration of the explainer of 2014 has in addition to others; its id is stored as its tag.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoredExplainer {
    /// The options that the page gave.
    pub options: ExplainerOptions,
    /// When it fires, if it repeats.
    pub cycle: StoredCycle,
}

/// One [sync registration](https://wicg.github.io/background-sync/spec/#sync-registration) as it is
/// stored. In state [`RegistrationState::Firing`] or
/// [`RegistrationState::ReregisteredWhileFiring`], `attempts` counts the attempt that may have
/// started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredRegistration {
    /// Its key in the store.
    pub id: RegistrationId,
    /// The service worker registration that owns it.
    pub scope: ScopeKey,
    /// Which API made it.
    pub kind: RegistrationKind,
    /// Its tag.
    pub tag: Tag,
    /// Its state.
    pub state: RegistrationState,
    /// Attempts that may have started since it was registered.
    pub attempts: u32,
    /// How often in a row an attempt was cut short by the end of the browser.
    pub interruptions: u32,
    /// When it was registered.
    pub registered_at: WallTime,
    /// When the next attempt is due, if it waits for one.
    pub retry_at: Option<WallTime>,
}

/// A change of the store. Changes of one registration must be applied in the order in which they
/// were given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StoreOp {
    /// Adds the registration or replaces the one with its id.
    Put(StoredRegistration),
    /// Removes a registration; no error if there is none.
    Remove(RegistrationId),
    /// Adds what is kept about an origin or replaces it.
    PutOrigin(StoredOrigin),
    /// Removes what is kept about an origin; no error if there is nothing.
    RemoveOrigin(Origin),
}

impl StoreOp {
    /// The registration that is changed, if it is one.
    #[must_use]
    pub fn id(&self) -> Option<RegistrationId> {
        match self {
            Self::Put(record) => Some(record.id),
            Self::Remove(id) => Some(*id),
            Self::PutOrigin(_) | Self::RemoveOrigin(_) => None,
        }
    }
}

/// What a commit must survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// A power cut: the data is on the medium when the commit returns.
    #[default]
    Strict,
    /// The end of the process may lose it, until the next strict commit. `register()` is answered, and events are
    /// dispatched, before the store has it; a fault of the store is reported only by
    /// [`crate::SyncNotification::StorageFailed`]. Removals are waited for.
    Relaxed,
}

/// Names one store operation of a scheduler; every one must be answered once with
/// [`crate::SyncScheduler::handle_stored`]. Not zero, as an [`crate::EventId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub NonZeroU64);

/// How soon a store operation must be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Someone waits for it.
    Now,
    /// Nothing waits for it: it may be part of a later commit, some seconds later at most. Losing it in a
    /// crash makes an event fire once more, never once less.
    Lazy,
}

/// The store could not do one operation. For logs, the journal and embedders; script is told only the [`StorageProblem`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}")]
pub struct StoreFault {
    /// Which kind of problem it is. Not kept by the journal.
    #[serde(skip)]
    pub problem: StorageProblem,
    /// What the store said, for people. It may name files.
    pub reason: String,
}

impl StoreFault {
    /// A fault of this kind, for this reason.
    pub fn new(problem: StorageProblem, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { problem, reason }
    }

    /// A fault of no particular kind.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::new(StorageProblem::Failed, reason)
    }
}
