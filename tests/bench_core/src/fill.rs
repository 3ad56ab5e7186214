//! Makes stores with many registrations.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use background_sync_core::{
    RegistrationId, RegistrationKind, RegistrationState, StoreOp, StoredRegistration, Tag, WallTime,
};
use background_sync_store::{Durability, RedbStore, RegistrationStore};

use crate::browser::scope;

/// Registrations in one commit.
const BATCH: usize = 10_000;

/// What the registrations are.
#[derive(Clone, Copy)]
pub struct Filling {
    pub registrations: usize,
    pub origins: usize,
    pub state: RegistrationState,
}

/// Milliseconds since 1970.
pub fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}

/// A registration as the manager would have stored it.
pub fn record(id: usize, origin: usize, state: RegistrationState) -> Result<StoredRegistration> {
    let now_ms = wall_ms();
    let waits = state == RegistrationState::Waiting;
    Ok(StoredRegistration {
        id: RegistrationId(id as u64),
        scope: scope(origin)?,
        kind: RegistrationKind::OneShot,
        tag: Tag::try_from(format!("send-outbox-{id}"))?,
        state,
        // The fourth retry comes eight minutes after the failure.
        attempts: if waits { 4 } else { 0 },
        interruptions: 0,
        registered_at: WallTime(now_ms),
        retry_at: waits.then(|| WallTime(now_ms.saturating_add(400_000))),
    })
}

/// Fills the store in `folder`, which is new.
pub fn fill(folder: &Path, filling: Filling) -> Result<()> {
    let mut store = RedbStore::open(folder)?;
    store.load_all()?;
    let mut ids = (1..=filling.registrations).peekable();
    while ids.peek().is_some() {
        let batch = ids
            .by_ref()
            .take(BATCH)
            .map(|id| record(id, id % filling.origins, filling.state).map(StoreOp::Put))
            .collect::<Result<Vec<_>>>()?;
        store.commit(&batch, Durability::Relaxed)?;
    }
    store.commit(&[], Durability::Strict)?;
    Ok(())
}
