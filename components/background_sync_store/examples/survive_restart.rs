//! Registrations survive the end of the process: `cargo run -p background_sync_store --example survive_restart`. Give it the path
//! of a folder, run it again, and it goes on counting.

use std::path::{Path, PathBuf};

use background_sync_core::{
    RegistrationId, RegistrationKind, RegistrationState, ScopeKey, StoreOp, StoredRegistration,
    Tag, WallTime,
};
use background_sync_store::{Durability, RedbStore, RegistrationStore};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn registration(id: RegistrationId, tag: &str) -> Result<StoredRegistration> {
    Ok(StoredRegistration {
        id,
        scope: ScopeKey {
            origin: "https://shop.example".try_into()?,
            scope: "https://shop.example/".try_into()?,
        },
        kind: RegistrationKind::OneShot,
        tag: Tag::try_from(tag)?,
        state: RegistrationState::Pending,
        attempts: 0,
        interruptions: 0,
        registered_at: WallTime(1_700_000_000_000),
        retry_at: None,
    })
}

/// Older ones are removed.
const KEPT: u64 = 2;

/// One run of a browser: it reads what the last one has left, and registers one more.
fn run(folder: &Path) -> Result<()> {
    let mut store = RedbStore::open(folder)?;
    let found = store.load_all()?;
    for record in &found.records {
        println!("  found {:?}: “{}”", record.id, record.tag);
    }
    // Ids are never used twice, also if the registration is gone.
    let id = found.next_id;
    let new = registration(id, &format!("message-{}", id.0))?;
    println!("  adds {id:?}: “{}”", new.tag);
    // All of a batch or nothing; it is on the medium when `commit` returns.
    let gone = found.records.iter().filter(|old| old.id.0 + KEPT < id.0);
    let mut batch: Vec<StoreOp> = gone.map(|old| StoreOp::Remove(old.id)).collect();
    batch.push(StoreOp::Put(new));
    Ok(store.commit(&batch, Durability::Strict)?)
}

fn main() -> Result<()> {
    let temporary = tempfile::tempdir()?;
    let folder = match std::env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => temporary.path().to_owned(),
    };
    for number in 1..=5 {
        println!("run {number}");
        run(&folder)?;
    }
    Ok(())
}
