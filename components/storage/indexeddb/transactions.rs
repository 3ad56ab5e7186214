/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How transactions end: by a commit, an abort, or with the page or worker that they belong to.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use log::error;
use profile_traits::generic_callback::GenericCallback;
use servo_url::ImmutableOrigin;
use storage_traits::indexeddb::{
    BackendError, BackendResult, ConnectionMsg, IndexedDBThreadMsg, IndexedDBTxnMode,
    TxnCompleteMsg,
};
use uuid::Uuid;

use super::engines::{KvsEngine, KvsTransaction};
use super::{
    IndexedDBDescription, IndexedDBEnvironment, IndexedDBManager, OpenRequest, VersionUpgrade,
};

impl KvsTransaction {
    pub(super) fn new(id: u64, mode: IndexedDBTxnMode) -> Self {
        Self {
            id,
            mode,
            requests: VecDeque::new(),
            durability: Default::default(),
            new_version: None,
            fills_indexes: false,
            ended: Default::default(),
        }
    }

    /// The requests so far; more may follow.
    pub(super) fn take_batch(&mut self) -> Self {
        Self {
            id: self.id,
            mode: self.mode.clone(),
            requests: std::mem::take(&mut self.requests),
            durability: self.durability,
            new_version: self.new_version,
            fills_indexes: self.fills_indexes,
            ended: Arc::clone(&self.ended),
        }
    }
}

impl VersionUpgrade {
    /// It is no upgrade: the indexes of an older database get their records.
    pub(super) fn only_fills_indexes(&self) -> bool {
        self.old == self.new
    }
}

impl<E: KvsEngine> IndexedDBEnvironment<E> {
    /// The new version is part of the transaction, as all else that it changes.
    pub(super) fn register_upgrade(
        &mut self,
        id: u64,
        new_version: u64,
        scope: Vec<String>,
        connection: Uuid,
    ) {
        self.register_transaction(id, IndexedDBTxnMode::Versionchange, scope, connection);
        if let Some(transaction) = self.transactions.get_mut(&id) {
            transaction.new_version = Some(new_version);
        }
    }

    /// <https://w3c.github.io/IndexedDB/#commit-a-transaction>
    ///
    /// Those who wait hear of it when it is done. To be called when all requests have been processed.
    pub(super) fn commit(
        &mut self,
        origin: ImmutableOrigin,
        db_name: String,
        id: u64,
        waiting: Vec<GenericCallback<TxnCompleteMsg>>,
    ) {
        let tell = {
            let (origin, db_name) = (origin.clone(), db_name.clone());
            move |result: BackendResult<()>| {
                for callback in waiting {
                    let message = TxnCompleteMsg {
                        origin: origin.clone(),
                        db_name: db_name.clone(),
                        txn: id,
                        result: result.clone(),
                    };
                    if callback.send(message).is_err() {
                        error!("Nobody hears how transaction {id} has ended.");
                    }
                }
            }
        };
        // What comes for it from now on is too late.
        let Some(transaction) = self.transactions.remove(&id) else {
            return tell(Err(BackendError::Abort));
        };
        if transaction.mode == IndexedDBTxnMode::Readonly {
            return tell(Ok(()));
        }
        self.running_readwrite = Some(id);
        let manager = self.manager_sender.clone();
        self.engine.commit(
            transaction,
            Box::new(move |result| {
                tell(result);
                let complete = IndexedDBThreadMsg::EngineTxnBatchComplete {
                    origin,
                    db_name,
                    txn: id,
                };
                if manager.send(complete).is_err() {
                    error!("The thread of IndexedDB has ended before transaction {id}.");
                }
            }),
        );
    }

    /// <https://w3c.github.io/IndexedDB/#abort-a-transaction>, step 1
    pub(super) fn roll_back(&self, id: u64) {
        if let Some(transaction) = self.transactions.get(&id) {
            self.engine.abort(id, &transaction.ended);
        }
    }

    /// Nobody is there any more who could commit it.
    pub(super) fn end_transaction(&mut self, id: u64) {
        self.abort_transaction(id);
        self.pending_abort_callbacks.remove(&id);
        self.finish_transaction(id);
    }

    fn transactions_of(&self, connections: &HashSet<Uuid>) -> Vec<u64> {
        let of_them = |(id, info): (&u64, &super::TxnInfo)| {
            connections.contains(&info.connection).then_some(*id)
        };
        self.txn_info.iter().filter_map(of_them).collect()
    }
}

impl IndexedDBManager {
    /// The page or worker of these connections is gone, and their transactions with it.
    pub(super) fn end_transactions_of(
        &mut self,
        key: &IndexedDBDescription,
        connections: &HashSet<Uuid>,
    ) {
        let Some(db) = self.databases.get_mut(key) else {
            return;
        };
        for id in db.transactions_of(connections) {
            db.end_transaction(id);
        }
        db.schedule_transactions(key.origin.clone(), &key.name);
        for id in db.maybe_commit_candidates() {
            self.handle_txn_maybe_commit(key.origin.clone(), key.name.clone(), id);
        }
    }

    /// Goes on with the next request, if the one that the others were waiting for is gone.
    pub(super) fn advance_stopped_queue(&mut self, key: IndexedDBDescription) {
        let stopped = match self.connection_queues.get(&key).and_then(VecDeque::front) {
            Some(OpenRequest::Open {
                pending_upgrade,
                pending_close,
                ..
            }) => pending_upgrade.is_none() && pending_close.is_empty(),
            Some(OpenRequest::Delete { .. }) => true,
            None => false,
        };
        if stopped {
            self.advance_connection_queue(key);
        }
    }

    /// Has the script that wants to open a database of an older version of the engine find the index keys of its records.
    /// Until then, the request waits as for an upgrade.
    pub(super) fn start_filling_indexes(&mut self, key: IndexedDBDescription, version: u64) {
        let Some(db) = self.databases.get_mut(&key) else {
            return;
        };
        let front = self
            .connection_queues
            .get_mut(&key)
            .and_then(VecDeque::front_mut);
        let Some(OpenRequest::Open {
            sender,
            id,
            pending_upgrade,
            processed,
            ..
        }) = front
        else {
            return;
        };
        let transaction = self.serial_number_counter;
        self.serial_number_counter += 1;
        let object_stores = match db.object_stores() {
            Ok(object_stores) => object_stores,
            Err(error) => {
                *processed = true;
                let _ = sender.send(ConnectionMsg::DatabaseError {
                    name: key.name,
                    id: *id,
                    error: BackendError::DbErr(error),
                });
                return;
            }
        };
        let scope = object_stores
            .iter()
            .map(|store| store.name.clone())
            .collect();
        db.register_transaction(transaction, IndexedDBTxnMode::Versionchange, scope, *id);
        if let Some(transaction) = db.transactions.get_mut(&transaction) {
            transaction.fills_indexes = true;
        }
        *processed = true;
        *pending_upgrade = Some(VersionUpgrade {
            old: version,
            new: version,
            transaction,
        });
        let message = ConnectionMsg::FillIndexes {
            name: key.name,
            id: *id,
            transaction,
            object_stores,
        };
        if sender.send(message).is_err() {
            error!("The page that opens a database is gone.");
        }
    }

    /// Goes on with the request to open a database that has waited for its indexes.
    pub(super) fn open_filled_database(&mut self, key: IndexedDBDescription) {
        let front = self
            .connection_queues
            .get_mut(&key)
            .and_then(VecDeque::front_mut);
        if let Some(OpenRequest::Open {
            pending_upgrade,
            processed,
            ..
        }) = front
        {
            *pending_upgrade = None;
            *processed = false;
        }
        self.advance_connection_queue(key);
    }
}
