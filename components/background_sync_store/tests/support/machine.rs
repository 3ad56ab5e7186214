//! The files of a store on a machine that may lose power, fill up, or fail at any operation.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use background_sync_store::*;
use redb::{Database, StorageBackend};

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    Database,
    Log,
}

#[derive(Clone, Debug)]
pub enum Change {
    Write { offset: usize, data: Vec<u8> },
    Length(usize),
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Length(length) => image.resize(*length, 0),
            Self::Write { offset, data } => {
                let end = offset + data.len();
                if image.len() < end {
                    image.resize(end, 0);
                }
                image[*offset..end].copy_from_slice(data);
            }
        }
    }
}

/// What has happened, in one order for both files.
#[derive(Clone, Debug)]
pub enum Event {
    Changed(File, Change),
    Synced(File),
    /// So many commits were durable when they returned.
    Answered(usize),
}

/// What is in both files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Images {
    pub database: Vec<u8>,
    pub log: Vec<u8>,
}

impl Images {
    fn of(&mut self, file: File) -> &mut Vec<u8> {
        match file {
            File::Database => &mut self.database,
            File::Log => &mut self.log,
        }
    }
}

/// An operation on a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    Write,
    Sync,
}

pub type Fault = Box<dyn FnMut(File, Operation) -> Option<io::ErrorKind> + Send>;

#[derive(Default)]
struct State {
    images: Images,
    events: Vec<Event>,
    fault: Option<Fault>,
    operations: usize,
}

#[derive(Clone, Default)]
pub struct Machine(Arc<Mutex<State>>);

impl Machine {
    pub fn with(images: Images) -> Self {
        let machine = Self::default();
        machine.0.lock().unwrap().images = images;
        machine
    }

    pub fn images(&self) -> Images {
        self.0.lock().unwrap().images.clone()
    }

    /// What has happened since it was asked the last time.
    pub fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap().events)
    }

    pub fn answered(&self, commits: usize) {
        let event = Event::Answered(commits);
        self.0.lock().unwrap().events.push(event);
    }

    pub fn set_fault(
        &self,
        fault: impl FnMut(File, Operation) -> Option<io::ErrorKind> + Send + 'static,
    ) {
        self.0.lock().unwrap().fault = Some(Box::new(fault));
    }

    pub fn repair(&self) {
        self.0.lock().unwrap().fault = None;
    }

    /// How many operations there were.
    pub fn operations(&self) -> usize {
        self.0.lock().unwrap().operations
    }

    pub fn open(&self) -> Result<RedbStore, StoreError> {
        let (database, log) = (self.clone(), self.clone());
        let open = move |_: &Path| {
            let machine = database.clone();
            let file = File::Database;
            Database::builder().create_with_backend(Medium { machine, file })
        };
        let open_log = move |_: &Path, _: LogUse| {
            let machine = log.clone();
            let file = File::Log;
            let medium: Box<dyn StorageBackend> = Box::new(Medium { machine, file });
            Ok(Some(medium))
        };
        RedbStore::open_with_log(PathBuf::from("medium"), Box::new(open), Box::new(open_log))
    }
}

struct Medium {
    machine: Machine,
    file: File,
}

impl fmt::Debug for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.file.fmt(f)
    }
}

impl Medium {
    /// Does it, unless it fails.
    fn run<T>(
        &self,
        operation: Operation,
        work: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut state = self.machine.0.lock().unwrap();
        state.operations += 1;
        let fault = state.fault.as_mut();
        match fault.and_then(|fault| fault(self.file, operation)) {
            Some(kind) => Err(kind.into()),
            None => work(&mut state),
        }
    }

    fn change(&self, change: Change) -> io::Result<()> {
        self.run(Operation::Write, |state| {
            change.apply(state.images.of(self.file));
            state.events.push(Event::Changed(self.file, change));
            Ok(())
        })
    }
}

impl StorageBackend for Medium {
    fn len(&self) -> io::Result<u64> {
        self.run(Operation::Read, |state| {
            Ok(u64::try_from(state.images.of(self.file).len()).unwrap())
        })
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.run(Operation::Read, |state| {
            let offset = usize::try_from(offset).unwrap();
            let from = state.images.of(self.file).get(offset..offset + out.len());
            out.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Change::Length(usize::try_from(length).unwrap()))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.run(Operation::Sync, |state| {
            state.events.push(Event::Synced(self.file));
            Ok(())
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Write {
            offset: usize::try_from(offset).unwrap(),
            data: data.to_vec(),
        })
    }
}

/// What the medium has at some moment.
pub struct Moment {
    durable: Images,
    /// What was written since, and may or may not be there.
    unsynced: Vec<(File, Change)>,
    /// Commits that had returned.
    pub answered: usize,
}

const SECTOR_BYTES: usize = 512;

impl Moment {
    pub fn start(images: Images) -> Self {
        Self {
            durable: images,
            unsynced: Vec::new(),
            answered: 0,
        }
    }

    pub fn happens(&mut self, event: &Event) {
        match event {
            Event::Changed(file, change) => self.unsynced.push((*file, change.clone())),
            Event::Synced(synced) => {
                let durable = &mut self.durable;
                self.unsynced.retain(|(file, change)| {
                    if file == synced {
                        change.apply(durable.of(*file));
                    }
                    file != synced
                });
            }
            Event::Answered(commits) => self.answered = *commits,
        }
    }

    /// What a power cut may leave now: nothing of what was not synced, all of it, and some of it, in any mix of writes
    /// or of sectors.
    pub fn power_cuts(&self, dice: &mut u64) -> Vec<Images> {
        let image = |mix: usize| {
            let mut images = self.durable.clone();
            let mut is_there = || {
                *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                match mix {
                    0 => false,
                    1 => true,
                    _ => *dice >> 63 == 0,
                }
            };
            for (file, change) in &self.unsynced {
                match change {
                    Change::Length(_) => change.apply(images.of(*file)),
                    Change::Write { offset, data } if mix > 3 => {
                        for (number, sector) in data.chunks(SECTOR_BYTES).enumerate() {
                            let offset = offset + number * SECTOR_BYTES;
                            let data = sector.to_vec();
                            if is_there() {
                                Change::Write { offset, data }.apply(images.of(*file));
                            }
                        }
                    }
                    Change::Write { .. } if is_there() => change.apply(images.of(*file)),
                    Change::Write { .. } => {}
                }
            }
            images
        };
        match self.unsynced.is_empty() {
            true => vec![self.durable.clone()],
            false => (0..6).map(image).collect(),
        }
    }
}
