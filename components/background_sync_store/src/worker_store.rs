//! The scripts of installed service workers, so that an event can start one after a restart of the
//! browser with no page open. A file of its own: scripts are long, rare and can be had again, so
//! they must not slow down or endanger registrations.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use background_sync_core::{
    MAX_STORED_IMPORTS, MAX_URL_BYTES, MAX_WORKER_SOURCE_BYTES, ScopeKey, ScriptUrl, StoredImports,
    StoredWorker, WorkerSource,
};
use bincode::Options;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};

use crate::{CodecError, StoreError};

/// Name of the file in the profile folder.
pub const WORKERS_FILE_NAME: &str = "workers.redb";

/// Version of the encoding that is written.
const WORKER_VERSION: u8 = 2;

/// So many workers are kept, in all. One more takes the place of the one that was stored first.
pub const MAX_STORED_WORKERS: u64 = 512;

/// No valid record is longer, in bytes.
const MAX_RECORD_BYTES: u64 = (2 * MAX_WORKER_SOURCE_BYTES
    + 3 * MAX_URL_BYTES
    + MAX_STORED_IMPORTS * (2 * MAX_URL_BYTES + 64)
    + 64) as u64;

/// Memory for pages of the file, in bytes.
const CACHE_BYTES: usize = 1024 * 1024;

/// By scope, an origin and a scope URL in one key; number of the store operation, then the record.
const WORKERS: TableDefinition<(&str, &str), (u64, &[u8])> = TableDefinition::new("workers");

/// Keeps workers on disk, or in memory if it has no folder.
#[derive(Debug)]
pub struct WorkerStore {
    path: PathBuf,
    database: Database,
}

impl WorkerStore {
    /// Opens the file in `folder`; makes both if they are missing. A file that can't be read is
    /// removed: its workers are stored again when their pages are opened.
    ///
    /// # Errors
    /// [`StoreError`] if the folder or the file can't be written.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        fs::create_dir_all(folder).map_err(|error| StoreError::from_io(folder, error))?;
        let path = folder.join(WORKERS_FILE_NAME);
        // A file that was cut short can make redb panic.
        let opened = catch_unwind(AssertUnwindSafe(|| open_file(&path)));
        let reason = match opened {
            Ok(Ok(database)) => return Ok(Self { path, database }),
            Ok(Err(redb::DatabaseError::DatabaseAlreadyOpen)) => {
                return Err(StoreError::InUse { path });
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "reading it went wrong".to_owned(),
        };
        log::error!("{} is damaged ({reason}): made anew", path.display());
        fs::remove_file(&path).map_err(|error| StoreError::from_io(&path, error))?;
        let database = open_file(&path).map_err(|error| medium(&path, &error.into()))?;
        Ok(Self { path, database })
    }

    /// A store that forgets with its process.
    ///
    /// # Errors
    /// [`StoreError`] if there is no memory for it.
    pub fn in_memory() -> Result<Self, StoreError> {
        let path = PathBuf::from("(memory)");
        let database = Database::builder()
            .create_with_backend(redb::backends::InMemoryBackend::new())
            .map_err(|error| medium(&path, &error.into()))?;
        Ok(Self { path, database })
    }

    /// Keeps a worker in the place of what was kept of its scope before.
    ///
    /// # Errors
    /// If the medium is full, read-only or broken.
    pub fn put(&mut self, scope: &ScopeKey, worker: &StoredWorker) -> Result<(), StoreError> {
        let bytes = encode_worker(worker).map_err(|error| StoreError::Medium {
            path: self.path.clone(),
            reason: error.to_string(),
        })?;
        self.change(|table| {
            let mut oldest: Option<(u64, (String, String))> = None;
            let mut newest = 0;
            for entry in table.iter()? {
                let (key, value) = entry?;
                let ((origin, scope), (number, _)) = (key.value(), value.value());
                newest = newest.max(number);
                if oldest.as_ref().is_none_or(|(least, _)| number < *least) {
                    oldest = Some((number, (origin.to_owned(), scope.to_owned())));
                }
            }
            let key = (scope.origin.as_str(), scope.scope.as_str());
            let is_new = table.get(key)?.is_none();
            if is_new
                && table.len()? >= MAX_STORED_WORKERS
                && let Some((_, (origin, scope))) = oldest
            {
                table.remove((origin.as_str(), scope.as_str()))?;
            }
            table.insert(key, (newest.saturating_add(1), bytes.as_slice()))?;
            Ok(())
        })
    }

    /// Forgets what was kept of a scope.
    ///
    /// # Errors
    /// As [`WorkerStore::put`].
    pub fn remove(&mut self, scope: &ScopeKey) -> Result<(), StoreError> {
        self.change(|table| {
            table.remove((scope.origin.as_str(), scope.scope.as_str()))?;
            Ok(())
        })
    }

    /// What was kept of a scope. A record that can't be read is none.
    ///
    /// # Errors
    /// If the medium is broken.
    pub fn load(&self, scope: &ScopeKey) -> Result<Option<StoredWorker>, StoreError> {
        let read = || -> Result<Option<StoredWorker>, redb::Error> {
            let transaction = self.database.begin_read()?;
            let table = match transaction.open_table(WORKERS) {
                Ok(table) => table,
                Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let Some(found) = table.get((scope.origin.as_str(), scope.scope.as_str()))? else {
                return Ok(None);
            };
            let worker = decode_worker(found.value().1);
            if let Err(error) = &worker {
                log::error!("the worker that was kept of {scope} can't be read: {error}");
            }
            Ok(worker.ok())
        };
        read().map_err(|error| medium(&self.path, &error))
    }

    fn change(
        &mut self,
        work: impl FnOnce(
            &mut redb::Table<'_, (&'static str, &'static str), (u64, &'static [u8])>,
        ) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        let write = || -> Result<(), redb::Error> {
            let transaction = self.database.begin_write()?;
            work(&mut transaction.open_table(WORKERS)?)?;
            transaction.commit()?;
            Ok(())
        };
        write().map_err(|error| medium(&self.path, &error))
    }
}

fn open_file(path: &Path) -> Result<Database, redb::DatabaseError> {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_BYTES);
    builder.create(path)
}

fn medium(path: &Path, error: &redb::Error) -> StoreError {
    StoreError::Medium {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

fn options() -> impl Options {
    bincode::DefaultOptions::new()
        .with_limit(MAX_RECORD_BYTES)
        .reject_trailing_bytes()
}

/// The bytes of the record of a worker.
///
/// # Errors
/// If it is longer than any valid record, which its types exclude.
pub fn encode_worker(worker: &StoredWorker) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![WORKER_VERSION];
    options()
        .serialize_into(&mut bytes, worker)
        .map_err(|error| CodecError::Damaged(error.to_string()))?;
    Ok(bytes)
}

/// The worker of some bytes, of any version that was ever written.
///
/// # Errors
/// If they are none; never panics, whatever they are.
pub fn decode_worker(bytes: &[u8]) -> Result<StoredWorker, CodecError> {
    match bytes.split_first() {
        None => Err(CodecError::Empty),
        Some((&WORKER_VERSION, fields)) => options()
            .deserialize(fields)
            .map_err(|error| CodecError::Damaged(error.to_string())),
        // Before imported scripts were kept.
        Some((&1, fields)) => {
            let (script_url, source): (ScriptUrl, WorkerSource) = options()
                .deserialize(fields)
                .map_err(|error| CodecError::Damaged(error.to_string()))?;
            Ok(StoredWorker {
                script_url,
                source,
                imports: StoredImports::default(),
            })
        }
        Some((&version, _)) => Err(CodecError::UnknownVersion(version)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use background_sync_core::{Origin, ScopeUrl, StoredImport};

    use super::*;

    fn scope(path: &str) -> ScopeKey {
        ScopeKey {
            origin: Origin::try_from("https://a.example").unwrap(),
            scope: ScopeUrl::try_from(format!("https://a.example/{path}")).unwrap(),
        }
    }

    fn worker(source: &str) -> StoredWorker {
        StoredWorker {
            script_url: ScriptUrl::try_from("https://a.example/sw.js").unwrap(),
            source: WorkerSource::try_from(source.as_bytes().to_vec()).unwrap(),
            imports: StoredImports::default(),
        }
    }

    #[test]
    fn workers_survive_a_restart_and_are_replaced_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = WorkerStore::open(folder.path()).unwrap();
        assert_eq!(store.load(&scope("")).unwrap(), None);
        store.put(&scope(""), &worker("one")).unwrap();
        store.put(&scope(""), &worker("two")).unwrap();
        store.put(&scope("gone/"), &worker("three")).unwrap();
        store.remove(&scope("gone/")).unwrap();
        drop(store);
        let store = WorkerStore::open(folder.path()).unwrap();
        assert_eq!(store.load(&scope("")).unwrap(), Some(worker("two")));
        assert_eq!(store.load(&scope("gone/")).unwrap(), None);
    }

    #[test]
    fn a_file_is_used_by_one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let _store = WorkerStore::open(folder.path()).unwrap();
        let second = WorkerStore::open(folder.path()).unwrap_err();
        assert!(matches!(second, StoreError::InUse { .. }), "{second}");
    }

    #[test]
    fn a_damaged_file_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(WORKERS_FILE_NAME), "no database").unwrap();
        let mut store = WorkerStore::open(folder.path()).unwrap();
        store.put(&scope(""), &worker("one")).unwrap();
        assert_eq!(store.load(&scope("")).unwrap(), Some(worker("one")));
    }

    #[test]
    fn the_first_one_gives_way_when_there_are_too_many() {
        let mut store = WorkerStore::in_memory().unwrap();
        for number in 0..=MAX_STORED_WORKERS {
            store
                .put(&scope(&number.to_string()), &worker("same"))
                .unwrap();
        }
        assert_eq!(store.load(&scope("0")).unwrap(), None);
        assert!(store.load(&scope("1")).unwrap().is_some());
        let last = scope(&MAX_STORED_WORKERS.to_string());
        assert!(store.load(&last).unwrap().is_some());
    }

    #[test]
    fn imported_scripts_are_kept_and_records_without_them_are_read() {
        let import = StoredImport {
            url: ScriptUrl::try_from("https://cdn.example/lib.js").unwrap(),
            final_url: ScriptUrl::try_from("https://cdn.example/lib-1.js").unwrap(),
            source: WorkerSource::try_from(b"lib".to_vec()).unwrap(),
            muted_errors: true,
        };
        let with_import = StoredWorker {
            imports: vec![import].try_into().unwrap(),
            ..worker("main")
        };
        let bytes = encode_worker(&with_import).unwrap();
        assert_eq!(decode_worker(&bytes).unwrap(), with_import);

        // As the first version wrote it.
        let url = b"https://a.example/sw.js";
        let mut bytes = vec![1, u8::try_from(url.len()).unwrap()];
        bytes.extend_from_slice(url);
        bytes.extend_from_slice(b"\x04main");
        assert_eq!(decode_worker(&bytes).unwrap(), worker("main"));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for bytes in [&[][..], &[3], &[WORKER_VERSION], &[WORKER_VERSION, 255, 9]] {
            assert!(decode_worker(bytes).is_err(), "{bytes:?}");
        }
    }
}
