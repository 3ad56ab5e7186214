/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Records that were stored before an index was there, or before the engine wrote index records, are entered in it. Only
//! script can find the keys in their values: it gets the records, some at a time, and sends the keys.

use std::collections::VecDeque;

use js::context::JSContext;
use js::jsval::UndefinedValue;
use profile_traits::generic_callback::GenericCallback;
use script_bindings::str::DOMString;
use serde::{Deserialize, Serialize};
use servo_base::generic_channel::{GenericSend, SendError};
use storage_traits::indexeddb::{
    AsyncOperation, AsyncReadOnlyOperation, AsyncReadWriteOperation, BackendError, BackendResult,
    IndexedDBKeyType, IndexedDBObjectStore, IndexedDBRecord, IndexedDBThreadMsg, IndexedDBTxnMode,
    KeyPath, SyncOperation, TxnCompleteMsg,
};
use storage_traits::record_query::{IndexedRecord, RecordParts, RecordQuery, RecordStart};

use crate::dom::bindings::refcounted::Trusted;
use crate::dom::globalscope::GlobalScope;
use crate::dom::indexeddb::idbtransaction::IDBTransaction;
use crate::dom::indexeddb::{index_keys, values};
use crate::realms::enter_auto_realm;

/// So many records are read at a time.
const RECORDS_AT_A_TIME: u32 = 64;

/// What the indexes are filled for.
pub(crate) enum FillPurpose {
    /// `createIndex()`
    NewIndex {
        transaction: Trusted<IDBTransaction>,
        request_id: u64,
    },
    /// A database of an older version of the engine is being opened.
    OldDatabase,
}

/// Indexes are being filled.
pub(crate) struct Fill {
    global: Trusted<GlobalScope>,
    db_name: String,
    transaction: u64,
    /// Each has the indexes that are to be filled.
    object_stores: VecDeque<IndexedDBObjectStore>,
    /// The last record of the first object store that is done.
    after: Option<IndexedDBKeyType>,
    purpose: FillPurpose,
}

impl Fill {
    pub(crate) fn start(
        global: &GlobalScope,
        db_name: String,
        transaction: u64,
        object_stores: impl IntoIterator<Item = IndexedDBObjectStore>,
        purpose: FillPurpose,
    ) {
        let with_indexes = |store: &IndexedDBObjectStore| !store.indexes.is_empty();
        let fill = Fill {
            global: Trusted::new(global),
            db_name,
            transaction,
            object_stores: object_stores.into_iter().filter(with_indexes).collect(),
            after: None,
            purpose,
        };
        fill.read(global);
    }

    fn read(self, global: &GlobalScope) {
        let Some(store) = self.object_stores.front() else {
            return self.commit(global);
        };
        let query = RecordQuery {
            start: self.after.clone().map(|key| RecordStart {
                key,
                primary_key: None,
                inclusive: false,
            }),
            limit: Some(RECORDS_AT_A_TIME),
            parts: RecordParts::KeysAndValue,
            ..Default::default()
        };
        let name = store.name.clone();
        self.ask(
            global,
            name,
            |callback| {
                AsyncOperation::ReadOnly(AsyncReadOnlyOperation::Iterate { callback, query })
            },
            Self::enter,
        );
    }

    /// The records have been read: finds their keys.
    fn enter(mut self, cx: &mut JSContext, records: Vec<IndexedDBRecord>) {
        let global = self.global.root();
        let Some(store) = self.object_stores.front() else {
            return;
        };
        let Some(last) = records.last() else {
            self.object_stores.pop_front();
            self.after = None;
            return match self.purpose {
                FillPurpose::NewIndex { .. } if self.object_stores.is_empty() => {
                    self.end(cx, Ok(()))
                }
                _ => self.read(&global),
            };
        };
        let after = Some(last.primary_key.clone());
        let keys = keys_of(cx, &global, store, records);
        let name = store.name.clone();
        self.after = after;
        self.ask(
            &global,
            name,
            |callback| {
                AsyncOperation::ReadWrite(AsyncReadWriteOperation::FillIndexes {
                    callback,
                    records: keys,
                })
            },
            |fill, _cx, ()| {
                let global = fill.global.root();
                fill.read(&global);
            },
        );
    }

    /// Goes on with `then` when the backend has done `operation`, and ends if it could not.
    fn ask<T>(
        self,
        global: &GlobalScope,
        store_name: String,
        operation: impl FnOnce(GenericCallback<BackendResult<T>>) -> AsyncOperation,
        then: impl FnOnce(Self, &mut JSContext, T) + Send + 'static,
    ) where
        T: for<'de> Deserialize<'de> + Serialize + Send + 'static,
    {
        let task_source = global
            .task_manager()
            .database_access_task_source()
            .to_sendable();
        let (origin, db_name, transaction) = (
            global.origin().immutable().clone(),
            self.db_name.clone(),
            self.transaction,
        );
        let request_id = match self.purpose {
            FillPurpose::NewIndex { request_id, .. } => request_id,
            FillPurpose::OldDatabase => 0,
        };
        let mut waiting = Some((self, then));
        let callback = GenericCallback::new(move |answer: Result<BackendResult<T>, SendError>| {
            let Some((fill, then)) = waiting.take() else {
                return;
            };
            let answer = answer.unwrap_or(Err(BackendError::Abort));
            task_source.queue(task!(fill_indexes: move |cx| {
                match answer {
                    Ok(answer) => then(fill, cx, answer),
                    Err(error) => fill.end(cx, Err(error)),
                }
            }));
        });
        let Ok(callback) = callback else {
            return error!("There is no callback for the records of an index.");
        };
        let message = IndexedDBThreadMsg::Async(
            origin,
            db_name,
            store_name,
            transaction,
            request_id,
            IndexedDBTxnMode::Versionchange,
            operation(callback),
        );
        if global.storage_threads().send(message).is_err() {
            error!("The thread of IndexedDB has ended.");
        }
    }

    /// All object stores of an older database are done.
    fn commit(self, global: &GlobalScope) {
        let task_source = global
            .task_manager()
            .database_access_task_source()
            .to_sendable();
        let (origin, db_name, transaction) = (
            global.origin().immutable().clone(),
            self.db_name.clone(),
            self.transaction,
        );
        let mut waiting = Some(self);
        let callback = GenericCallback::new(move |answer: Result<TxnCompleteMsg, SendError>| {
            let Some(fill) = waiting.take() else {
                return;
            };
            let result = match answer {
                Ok(answer) => answer.result,
                Err(_) => Err(BackendError::Abort),
            };
            task_source.queue(task!(indexes_are_filled: move |cx| {
                fill.end(cx, result);
            }));
        });
        let Ok(callback) = callback else {
            return error!("There is no callback for the commit of an index.");
        };
        let commit = SyncOperation::Commit(callback, origin, db_name, transaction);
        let _ = global
            .storage_threads()
            .send(IndexedDBThreadMsg::Sync(commit));
    }

    fn end(self, cx: &mut JSContext, result: BackendResult<()>) {
        match self.purpose {
            FillPurpose::NewIndex {
                transaction,
                request_id,
            } => transaction.root().filled(cx, request_id, result),
            FillPurpose::OldDatabase => {
                if let Err(error) = &result {
                    error!("The indexes of a database can't be filled: {error}");
                }
                let global = self.global.root();
                let (origin, db_name, txn) = (
                    global.origin().immutable().clone(),
                    self.db_name,
                    self.transaction,
                );
                let finished = SyncOperation::TransactionFinished {
                    origin: origin.clone(),
                    db_name: db_name.clone(),
                    txn,
                };
                let go_on = SyncOperation::UpgradeTransactionFinished {
                    origin,
                    db_name,
                    txn,
                    committed: result.is_ok(),
                };
                for operation in [finished, go_on] {
                    let _ = global
                        .storage_threads()
                        .send(IndexedDBThreadMsg::Sync(operation));
                }
            }
        }
    }
}

/// A record with a value that can't be read is in no index.
fn keys_of(
    cx: &mut JSContext,
    global: &GlobalScope,
    store: &IndexedDBObjectStore,
    records: Vec<IndexedDBRecord>,
) -> Vec<IndexedRecord> {
    let mut realm = enter_auto_realm(cx, global);
    let cx: &mut JSContext = &mut realm;
    let injected = match &store.key_path {
        Some(KeyPath::String(path)) if store.has_key_generator => {
            Some(DOMString::from(path.as_str()))
        }
        _ => None,
    };
    let mut found = Vec::new();
    for record in records {
        rooted!(&in(cx) let mut value = UndefinedValue());
        if values::read(cx, global, &record, injected.as_ref(), value.handle_mut()).is_err() {
            warn!("A stored value can't be read.");
            continue;
        }
        let index_keys = index_keys::of_value(cx, value.handle(), &store.indexes, None);
        found.push(IndexedRecord {
            primary_key: record.primary_key,
            index_keys,
        });
    }
    found
}
