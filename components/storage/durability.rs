/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! When what a page has committed to a database is on the medium, and how it gets there.
//!
//! The databases are SQLite's, with a write-ahead log and `synchronous = NORMAL`: a commit is written to the log, and a
//! power cut costs the last commits but never the database. To flush the log makes all commits durable.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, SendError, Sender};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use log::{error, warn};
use servo_url::ImmutableOrigin;
use storage_traits::indexeddb::IndexedDBTxnDurability;

/// When commits of IndexedDB and `localStorage` are flushed to the medium.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StorageDurability {
    /// When something that must not be lost depends on them: at a `register()` of Background Sync, and at the end of its
    /// events. A power cut costs what came after.
    #[default]
    Barrier,
    /// Each one, before the page hears of it: a flush for each transaction and each change of `localStorage`.
    Strict,
    /// When SQLite or the operating system gets to it: a power cut may cost the last half minute.
    Relaxed,
}

static SETTING: OnceLock<StorageDurability> = OnceLock::new();

/// Says when commits are flushed. To be called before there are storage threads; later, it does nothing.
pub fn set_storage_durability(durability: StorageDurability) {
    let _ = SETTING.set(durability);
}

fn setting() -> StorageDurability {
    SETTING.get().copied().unwrap_or_default()
}

/// The folder of a database, which has nothing else in it.
#[derive(Clone, Debug)]
pub(crate) struct DatabaseFolder {
    origin: String,
    folder: PathBuf,
}

impl DatabaseFolder {
    pub(crate) fn new(origin: &ImmutableOrigin, folder: &Path) -> Self {
        Self {
            origin: origin.ascii_serialization().into_owned(),
            folder: folder.to_owned(),
        }
    }

    /// Something was committed: to be called before the page hears of it.
    pub(crate) fn committed(&self, wanted: IndexedDBTxnDurability) {
        let flushes = match wanted {
            IndexedDBTxnDurability::Strict => true,
            IndexedDBTxnDurability::Default => setting() == StorageDurability::Strict,
            IndexedDBTxnDurability::Relaxed => false,
        };
        if flushes {
            match flusher().flush(&self.folder) {
                Ok(()) => return,
                Err(error) => error!("A strict commit may not be durable: {error}"),
            }
        }
        let mut unflushed = flusher().unflushed();
        let folders = unflushed.folders.entry(self.origin.clone()).or_default();
        if !folders.contains(&self.folder) {
            folders.insert(self.folder.clone());
        }
    }
}

/// What an origin had committed when this was called is on the medium when `done` is. If that is so already, `done` is
/// called at once; otherwise in a thread of its own, in which all who wait share the flushes.
pub fn make_durable(origin: &str, done: impl FnOnce(io::Result<()>) + Send + 'static) {
    if setting() == StorageDurability::Relaxed || !flusher().has_work(origin) {
        return done(Ok(()));
    }
    let request = Request {
        origin: origin.to_owned(),
        done: Box::new(done),
    };
    // The thread lives as long as the process.
    if let Err(SendError(unsent)) = flusher().requests.send(request) {
        (unsent.done)(Err(io::Error::other("the thread that flushes has ended")));
    }
}

struct Request {
    origin: String,
    done: Box<dyn FnOnce(io::Result<()>) + Send>,
}

#[derive(Default)]
struct Unflushed {
    /// By origin.
    folders: HashMap<String, HashSet<PathBuf>>,
    /// Origins of which folders are being flushed: who comes now must wait for that.
    in_progress: HashSet<String>,
}

struct Flusher {
    unflushed: Mutex<Unflushed>,
    /// The log of each folder whose path is on the medium, by the number that the file system has given it.
    logs: Mutex<HashMap<PathBuf, u64>>,
    requests: Sender<Request>,
}

fn flusher() -> &'static Flusher {
    static FLUSHER: OnceLock<Flusher> = OnceLock::new();
    FLUSHER.get_or_init(|| {
        let (requests, requests_in) = mpsc::channel();
        let spawned = thread::Builder::new()
            .name("StorageFlusher".to_owned())
            .spawn(move || flusher().run(&requests_in));
        if let Err(error) = spawned {
            error!("Nothing that pages store can be flushed, because there is no thread: {error}");
        }
        Flusher {
            unflushed: Mutex::default(),
            logs: Mutex::default(),
            requests,
        }
    })
}

impl Flusher {
    /// Nobody panics while they hold it.
    fn unflushed(&self) -> MutexGuard<'_, Unflushed> {
        self.unflushed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn logs(&self) -> MutexGuard<'_, HashMap<PathBuf, u64>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_work(&self, origin: &str) -> bool {
        let unflushed = self.unflushed();
        unflushed.folders.contains_key(origin) || unflushed.in_progress.contains(origin)
    }

    fn run(&self, requests: &Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            let mut by_origin: HashMap<String, Vec<Request>> = HashMap::new();
            for request in [first].into_iter().chain(requests.try_iter()) {
                by_origin
                    .entry(request.origin.clone())
                    .or_default()
                    .push(request);
            }
            for (origin, requests) in by_origin {
                let result = self.flush_origin(&origin);
                for request in requests {
                    let result = match &result {
                        Ok(()) => Ok(()),
                        Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
                    };
                    (request.done)(result);
                }
            }
        }
    }

    fn flush_origin(&self, origin: &str) -> io::Result<()> {
        let folders = {
            let mut unflushed = self.unflushed();
            unflushed.in_progress.insert(origin.to_owned());
            unflushed.folders.remove(origin).unwrap_or_default()
        };
        let mut result = Ok(());
        let mut failed = HashSet::new();
        for folder in folders {
            if let Err(error) = self.flush(&folder) {
                warn!("{} can't be flushed: {error}", folder.display());
                failed.insert(folder);
                result = Err(error);
            }
        }
        let mut unflushed = self.unflushed();
        unflushed.in_progress.remove(origin);
        // The next barrier tries again.
        if !failed.is_empty() {
            let folders = unflushed.folders.entry(origin.to_owned()).or_default();
            folders.extend(failed);
        }
        result
    }

    /// Flushes what SQLite has written in this folder. The log has all commits that are not in the database; without one,
    /// SQLite has flushed the database when it removed it.
    fn flush(&self, folder: &Path) -> io::Result<()> {
        let mut logs = Vec::new();
        let mut databases = Vec::new();
        let entries = match fs::read_dir(folder) {
            // The database was deleted.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            let name = path.to_string_lossy();
            if name.ends_with("-wal") {
                logs.push(path);
            } else if name.ends_with(".sqlite") {
                databases.push(path);
            }
        }
        let flushed = if logs.is_empty() { databases } else { logs };
        let mut number = 0;
        for path in flushed {
            let file = match File::open(&path) {
                // Its last connection was closed meanwhile, which flushes.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                file => file?,
            };
            file.sync_data()?;
            number = file_number(&file)?;
        }
        self.flush_path(folder, number)
    }

    /// A new file is found after a power cut only if its folder is flushed, too; a new folder, if those above it are.
    fn flush_path(&self, folder: &Path, number: u64) -> io::Result<()> {
        let known = self.logs().get(folder).copied();
        if known == Some(number) {
            return Ok(());
        }
        let depth = if known.is_some() { 1 } else { MAX_NEW_FOLDERS };
        for folder in folder.ancestors().take(depth) {
            match File::open(folder) {
                Ok(opened) => opened.sync_all()?,
                // Above the profile.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => break,
                Err(error) => return Err(error),
            }
        }
        self.logs().insert(folder.to_owned(), number);
        Ok(())
    }
}

/// So many folders, from a database up, may be new: `clientstorage/default_v1/bottles/<digit>/<database>`, and the profile
/// that they are in.
const MAX_NEW_FOLDERS: usize = 6;

#[cfg(unix)]
fn file_number(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.ino())
}

/// Without one, each flush is taken for that of a known file.
#[cfg(not(unix))]
fn file_number(_file: &File) -> io::Result<u64> {
    Ok(0)
}
