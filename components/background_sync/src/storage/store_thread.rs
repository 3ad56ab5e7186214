//! The store's thread. It commits while the manager goes on, but what is soon done is done without it.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use background_sync_store::RegistrationStore;
use crossbeam_channel::{Receiver, Sender};

use super::writer::{Batch, Committed, MAX_OPERATIONS_PER_COMMIT, Writer};
use crate::config::StartError;

/// When many operations come after a rest of [`REST`], the first commit takes only so many: what waits for those goes on while
/// the others are written. While thousands of events run, flushes are better shared by more.
const FIRST_OF_MANY: usize = 8;
const REST: Duration = Duration::from_millis(20);

/// Ends when the way to it is closed, and everything has been written.
pub(super) struct StoreThread {
    thread: JoinHandle<()>,
    /// Locked while something is written.
    writer: Arc<Mutex<Writer>>,
}

impl StoreThread {
    pub fn spawn(
        store: Box<dyn RegistrationStore>,
        batches: Receiver<Batch>,
        committed: Sender<Committed>,
    ) -> Result<Self, StartError> {
        let writer = Arc::new(Mutex::new(Writer::new(store)));
        let thread = thread::Builder::new().name("SyncStore".to_owned());
        let thread = {
            let writer = writer.clone();
            thread.spawn(move || run(&writer, &batches, &committed))?
        };
        Ok(Self { thread, writer })
    }

    /// Writes a batch in the calling thread, if that takes less time than to hand it over: the medium is fast, the batch is
    /// small, and nothing is being written. Otherwise gives it back.
    pub fn write_here(&self, batch: Batch) -> Result<Vec<Committed>, Batch> {
        // A thread that has panicked is noticed by the channel that it has dropped.
        let Ok(mut writer) = self.writer.try_lock() else {
            return Err(batch);
        };
        if !(batch.is_small() && writer.is_fast()) {
            return Err(batch);
        }
        let mut parts = Vec::with_capacity(1);
        writer.write(batch, MAX_OPERATIONS_PER_COMMIT, |part| parts.push(part));
        Ok(parts)
    }

    /// Waits for its end.
    pub fn join(self) -> thread::Result<()> {
        self.thread.join()
    }
}

fn run(writer: &Mutex<Writer>, batches: &Receiver<Batch>, committed: &Sender<Committed>) {
    loop {
        let resting = Instant::now();
        let Ok(mut batch) = batches.recv() else {
            return;
        };
        let first_part = match resting.elapsed() >= REST {
            true => FIRST_OF_MANY,
            false => MAX_OPERATIONS_PER_COMMIT,
        };
        while batch.operations.len() < MAX_OPERATIONS_PER_COMMIT
            && let Ok(more) = batches.try_recv()
        {
            batch.add(more);
        }
        let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        // An error means that the manager is gone; what it sent is committed all the same.
        writer.write(batch, first_part, |part| drop(committed.send(part)));
    }
}
