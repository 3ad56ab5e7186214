//! State that a store shares with the bodies that are being written and read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::CacheError;
use crate::medium::{FileId, Medium};

#[derive(Debug, Default)]
struct State {
    /// Of all that is stored, in bytes.
    stored_bytes: u64,
    /// Of bodies that are being written, in bytes.
    draft_bytes: u64,
    max_bytes: u64,
    next_file: u64,
    drafts: HashSet<FileId>,
    /// How many read each file.
    readers: HashMap<FileId, usize>,
    /// Removed from the index, and still read.
    doomed: HashSet<FileId>,
}

#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub medium: Arc<dyn Medium>,
    state: Arc<Mutex<State>>,
}

impl Shared {
    pub fn new(medium: Arc<dyn Medium>, max_bytes: u64) -> Self {
        let state = State {
            max_bytes,
            ..State::default()
        };
        Self {
            medium,
            state: Arc::new(Mutex::new(state)),
        }
    }

    pub fn set_stored_bytes(&self, bytes: u64) {
        self.state.lock().stored_bytes = bytes;
    }

    pub fn stored_bytes(&self) -> u64 {
        self.state.lock().stored_bytes
    }

    pub fn max_bytes(&self) -> u64 {
        self.state.lock().max_bytes
    }

    /// Takes room for so many bytes of a draft.
    pub fn reserve(&self, bytes: u64) -> Result<(), CacheError> {
        let mut state = self.state.lock();
        let wanted = state.draft_bytes.saturating_add(bytes);
        if state.stored_bytes.saturating_add(wanted) > state.max_bytes {
            return Err(CacheError::QuotaExceeded);
        }
        state.draft_bytes = wanted;
        Ok(())
    }

    pub fn release(&self, bytes: u64) {
        let mut state = self.state.lock();
        state.draft_bytes = state.draft_bytes.saturating_sub(bytes);
    }

    pub fn next_file_from(&self, next: u64) {
        let mut state = self.state.lock();
        state.next_file = state.next_file.max(next);
    }

    pub fn new_draft_file(&self) -> FileId {
        let mut state = self.state.lock();
        let file = FileId(state.next_file);
        state.next_file += 1;
        state.drafts.insert(file);
        file
    }

    pub fn end_draft_file(&self, file: FileId) {
        self.state.lock().drafts.remove(&file);
    }

    pub fn add_reader(&self, file: FileId) {
        *self.state.lock().readers.entry(file).or_default() += 1;
    }

    pub fn remove_reader(&self, file: FileId) {
        let mut state = self.state.lock();
        let Some(count) = state.readers.get_mut(&file) else {
            return;
        };
        *count -= 1;
        if *count > 0 {
            return;
        }
        state.readers.remove(&file);
        if state.doomed.remove(&file) {
            drop(state);
            self.remove_now(file);
        }
    }

    /// The index names it no more.
    pub fn remove_file(&self, file: FileId) {
        let mut state = self.state.lock();
        if state.readers.contains_key(&file) {
            state.doomed.insert(file);
        } else {
            drop(state);
            self.remove_now(file);
        }
    }

    /// Whether a file that no index names is in use all the same.
    pub fn is_in_use(&self, file: FileId) -> bool {
        let state = self.state.lock();
        state.drafts.contains(&file) || state.readers.contains_key(&file)
    }

    pub fn remove_now(&self, file: FileId) {
        if let Err(error) = self.medium.remove(file) {
            log::warn!("The file of a body stays until the next start: {error}");
        }
    }
}
