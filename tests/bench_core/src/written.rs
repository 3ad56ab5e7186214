//! What a `register()` has the medium write.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Result;
use background_sync_core::{JournalEntry, StoreOp};
use background_sync_store::{
    Durability, FILE_NAME, JournalUpdate, Loaded, LogUse, RedbStore, RegistrationStore, StoreError,
};
use redb::backends::FileBackend;
use redb::{Database, DatabaseError, StorageBackend, StorageError};

use crate::browser::{Browser, Page};
use crate::report::{Goal, Line};

/// Calls before the store is in its steady state: its log was full several times.
const CALLS_BEFORE: usize = 2_000;
const CALLS: usize = 10_000;

/// One for each call. redb has one more whenever its file has grown.
const MOST_FLUSHES: f64 = 1.001;

/// As the store has it.
const CACHE_BYTES: usize = 64 * 1024;

/// What was written to the files of a store.
#[derive(Debug, Default)]
struct Counts {
    bytes: AtomicU64,
    flushes: AtomicU64,
}

impl Counts {
    fn now(&self) -> (u64, u64) {
        let number = |count: &AtomicU64| count.load(Ordering::SeqCst);
        (number(&self.bytes), number(&self.flushes))
    }
}

/// A file whose writes are counted.
#[derive(Debug)]
struct Counted {
    file: FileBackend,
    counts: Arc<Counts>,
}

impl Counted {
    fn open(path: &Path, counts: &Arc<Counts>) -> io::Result<Self> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        Ok(Self {
            file: FileBackend::new(options.open(path)?).map_err(io::Error::other)?,
            counts: Arc::clone(counts),
        })
    }
}

impl StorageBackend for Counted {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.file.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.counts.flushes.fetch_add(1, Ordering::SeqCst);
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let bytes = data.len() as u64;
        self.counts.bytes.fetch_add(bytes, Ordering::SeqCst);
        self.file.write(offset, data)
    }
}

/// A store in `folder`, which exists, and what it writes.
fn counted_store(folder: &Path) -> Result<(RedbStore, Arc<Counts>)> {
    let counts = Arc::new(Counts::default());
    let (of_database, of_log) = (Arc::clone(&counts), Arc::clone(&counts));
    let open = move |path: &Path| -> Result<Database, DatabaseError> {
        let file = Counted::open(path, &of_database).map_err(StorageError::from)?;
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        builder.create_with_backend(file)
    };
    let open_log = move |path: &Path, _: LogUse| {
        let medium: Box<dyn StorageBackend> = Box::new(Counted::open(path, &of_log)?);
        Ok(Some(medium))
    };
    let path = folder.join(FILE_NAME);
    let store = RedbStore::open_with_log(path, Box::new(open), Box::new(open_log))?;
    Ok((store, counts))
}

/// Knows which flushes are of commits, for which somebody waits: those of the journal alone come twice a second, however
/// many calls there are.
struct Watched {
    store: RedbStore,
    counts: Arc<Counts>,
    of_commits: Arc<AtomicU64>,
}

impl RegistrationStore for Watched {
    fn load_all(&mut self) -> Result<Loaded, StoreError> {
        self.store.load_all()
    }

    fn commit(&mut self, batch: &[StoreOp], durability: Durability) -> Result<(), StoreError> {
        let (_, before) = self.counts.now();
        let committed = self.store.commit(batch, durability);
        let (_, after) = self.counts.now();
        self.of_commits.fetch_add(after - before, Ordering::SeqCst);
        committed
    }

    fn load_journal(&mut self) -> Result<Vec<JournalEntry>, StoreError> {
        self.store.load_journal()
    }

    fn update_journal(
        &mut self,
        update: &JournalUpdate,
        durability: Durability,
    ) -> Result<(), StoreError> {
        self.store.update_journal(update, durability)
    }

    fn next_journal_sequence(&mut self) -> Result<u64, StoreError> {
        self.store.next_journal_sequence()
    }
}

fn register(page: &mut Page, calls: std::ops::Range<usize>) -> Result<()> {
    for number in calls {
        let call = page.register(&format!("send-outbox-{number}"))?;
        page.acknowledge(call)?;
    }
    Ok(())
}

/// Bytes and flushes of one call, with all that comes later: the journal, and what the database takes over.
pub fn lines(folder: &Path) -> Result<Vec<Line>> {
    let folder = folder.join("written");
    fs::create_dir_all(&folder)?;
    let (store, counts) = counted_store(&folder)?;
    let of_commits = Arc::new(AtomicU64::new(0));
    let browser = Browser::start_on(Box::new(Watched {
        store,
        counts: Arc::clone(&counts),
        of_commits: Arc::clone(&of_commits),
    }))?;
    let now = || {
        let (bytes, flushes) = counts.now();
        [bytes, flushes, of_commits.load(Ordering::SeqCst)]
    };
    let mut page = browser.page(0)?;
    register(&mut page, 0..CALLS_BEFORE)?;
    let (start, before) = (Instant::now(), now());
    register(&mut page, CALLS_BEFORE..CALLS_BEFORE + CALLS)?;
    let (seconds, after) = (start.elapsed().as_secs_f64(), now());
    browser.shutdown();
    let [bytes, flushes, of_commits] = [0, 1, 2].map(|count| after[count] - before[count]);
    let each = |count: u64| count as f64 / CALLS as f64;
    let goal = Goal::ValueAtMost;
    Ok(vec![
        Line::new(
            "bytes written a register()",
            each(bytes),
            "bytes",
            None,
            goal(8_192.0),
        )
        .note(format!(
            "{CALLS} calls, one after the other, in the steady state; both files, and the journal"
        )),
        Line::new(
            "flushes a register()",
            each(of_commits),
            "flushes",
            None,
            goal(MOST_FLUSHES),
        )
        .note(format!(
            "besides {} for the journal, in {seconds:.1} s",
            flushes - of_commits
        )),
    ])
}
