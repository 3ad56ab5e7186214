/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The one connection that writes, and the transaction that it is in.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use log::error;
use rusqlite::{Connection, Error, InterruptHandle};
use storage_traits::indexeddb::{BackendError, BackendResult};

use super::{backend_error, connect, lock, operations, schema};
use crate::indexeddb::engines::KvsTransaction;

pub(super) struct Writer {
    path: PathBuf,
    state: Mutex<State>,
    /// Held for a moment only, so that nobody waits for a transaction of somebody else.
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    transaction: Option<u64>,
    /// To end a statement that takes its time.
    interrupt: Option<InterruptHandle>,
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    open: Option<OpenTransaction>,
}

struct OpenTransaction {
    id: u64,
    /// SQLite has rolled it back by itself: the disk is full, say. It can't be committed any more.
    failure: Option<BackendError>,
}

impl Writer {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            state: Mutex::default(),
            current: Mutex::default(),
        }
    }

    /// Runs the requests of a transaction, which begins with the first.
    pub(super) fn run(&self, mut transaction: KvsTransaction) {
        let mut state = lock(&self.state);
        let requests = std::mem::take(&mut transaction.requests);
        if let Err(error) = self.begin(&mut state, &transaction) {
            for request in requests {
                request.operation.notify_error(error.clone());
            }
            return;
        }
        // Whoever aborts it either sees that it is open, or is seen here.
        if transaction.ended.load(Ordering::SeqCst) {
            self.end(&mut state);
            for request in requests {
                request.operation.notify_error(BackendError::Abort);
            }
            return;
        }
        let State {
            connection: Some(connection),
            open: Some(open),
        } = &mut *state
        else {
            return;
        };
        for request in requests {
            if transaction.ended.load(Ordering::SeqCst) {
                request.operation.notify_error(BackendError::Abort);
                continue;
            }
            if let Some(failure) = &open.failure {
                request.operation.notify_error(failure.clone());
                continue;
            }
            let error = operations::write(connection, request).err();
            if connection.is_autocommit() {
                open.failure = Some(error.unwrap_or(BackendError::Abort));
            }
        }
    }

    /// Says whether anything was written.
    pub(super) fn commit(&self, transaction: KvsTransaction) -> BackendResult<bool> {
        let mut state = lock(&self.state);
        let is_open = matches!(&state.open, Some(open) if open.id == transaction.id);
        if !is_open {
            if transaction.ended.load(Ordering::SeqCst) {
                return Err(BackendError::Abort);
            }
            // Without any request; an upgrade changes the version nevertheless.
            if transaction.new_version.is_none() && !transaction.fills_indexes {
                return Ok(false);
            }
            self.begin(&mut state, &transaction)?;
        }
        lock(&self.current).transaction = None;
        let (Some(open), Some(connection)) = (state.open.take(), &state.connection) else {
            return Err(BackendError::Abort);
        };
        if let Some(failure) = open.failure {
            return Err(failure);
        }
        let result = finish(connection, &transaction);
        if result.is_err() {
            roll_back(connection);
        }
        result.map(|()| true).map_err(backend_error)
    }

    /// Undoes what transaction `id` has done, and sees to it that it does no more. If it is running, its requests are ended.
    pub(super) fn abort(&self, id: u64, ended: &AtomicBool) {
        ended.store(true, Ordering::SeqCst);
        {
            let current = lock(&self.current);
            if current.transaction != Some(id) {
                return;
            }
            if let Some(interrupt) = &current.interrupt {
                interrupt.interrupt();
            }
        }
        let mut state = lock(&self.state);
        if matches!(&state.open, Some(open) if open.id == id) {
            self.end(&mut state);
        }
    }

    fn end(&self, state: &mut State) {
        lock(&self.current).transaction = None;
        state.open = None;
        if let Some(connection) = &state.connection {
            roll_back(connection);
        }
    }

    /// Closes the connection, unless a transaction has it.
    pub(super) fn release(&self) {
        if let Ok(mut state) = self.state.try_lock()
            && state.open.is_none()
        {
            *lock(&self.current) = Current::default();
            state.connection = None;
        }
    }

    fn begin(&self, state: &mut State, transaction: &KvsTransaction) -> BackendResult<()> {
        if transaction.ended.load(Ordering::SeqCst) {
            return Err(BackendError::Abort);
        }
        let is_new = state.connection.is_none();
        let connection = connect(&mut state.connection, &self.path).map_err(backend_error)?;
        if is_new {
            lock(&self.current).interrupt = Some(connection.get_interrupt_handle());
        }
        match &state.open {
            Some(open) if open.id == transaction.id => return Ok(()),
            Some(open) => {
                error!(
                    "Transaction {} is open while {} begins.",
                    open.id, transaction.id
                );
                roll_back(connection);
            }
            None => {}
        }
        state.open = None;
        let begun = (|| {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            match transaction.new_version {
                Some(version) => schema::set_version(connection, version),
                None => Ok(()),
            }
        })();
        if let Err(error) = begun {
            roll_back(connection);
            return Err(backend_error(error));
        }
        state.open = Some(OpenTransaction {
            id: transaction.id,
            failure: None,
        });
        lock(&self.current).transaction = Some(transaction.id);
        Ok(())
    }
}

fn finish(connection: &Connection, transaction: &KvsTransaction) -> Result<(), Error> {
    if transaction.fills_indexes {
        schema::set_has_index_records(connection)?;
    }
    connection.execute_batch("COMMIT")
}

fn roll_back(connection: &Connection) {
    if connection.is_autocommit() {
        return;
    }
    if let Err(error) = connection.execute_batch("ROLLBACK") {
        error!("A transaction can't be rolled back: {error}");
    }
}
