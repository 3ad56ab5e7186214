/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How a cursor goes on to its next record.
//!
//! <https://w3c.github.io/IndexedDB/#iterate-a-cursor>

use js::context::JSContext;
use js::jsval::UndefinedValue;
use storage_traits::indexeddb::{
    AsyncOperation, AsyncReadOnlyOperation, IndexedDBKeyType, IndexedDBRecord,
};
use storage_traits::record_query::{RecordParts, RecordQuery, RecordStart};

use super::IDBCursor;
use crate::dom::bindings::error::{Error, ErrorResult, Fallible};
use crate::dom::bindings::refcounted::Trusted;
use crate::dom::bindings::root::DomRoot;
use crate::dom::globalscope::GlobalScope;
use crate::dom::indexeddb::idbrequest::IDBRequest;
use crate::dom::indexeddb::queries::record_direction;
use crate::dom::indexeddb::values;

/// The request is that of a cursor, which gets the record that is found.
#[derive(Clone)]
pub(crate) struct IterationParam {
    pub(crate) cursor: Trusted<IDBCursor>,
}

impl IDBCursor {
    /// What is asked of the backend to go on: the record at `target` or the first behind it; without one, the first behind
    /// where the cursor is.
    pub(crate) fn query(&self, target: Option<RecordStart>, skipped: u32) -> RecordQuery {
        let direction = record_direction(self.direction);
        let start = target.or_else(|| {
            let by_primary_key = self.is_of_index() && !direction.is_unique();
            Some(RecordStart {
                key: self.position.borrow().clone()?,
                primary_key: self
                    .object_store_position
                    .borrow()
                    .clone()
                    .filter(|_| by_primary_key),
                inclusive: false,
            })
        });
        RecordQuery {
            index: self.source().index_name(),
            range: self.range.clone(),
            direction,
            start,
            skipped,
            limit: Some(1),
            parts: match self.key_only {
                true => RecordParts::Keys,
                false => RecordParts::KeysAndValue,
            },
        }
    }

    /// The last steps of `advance()`, `continue()` and `continuePrimaryKey()`.
    pub(super) fn go_on(
        &self,
        cx: &mut JSContext,
        target: Option<RecordStart>,
        skipped: u32,
    ) -> ErrorResult {
        let Some(request) = self.request.get() else {
            return Err(Error::InvalidState(None));
        };
        self.got_value.set(false);
        request.unset_done_flag();
        let query = self.query(target, skipped);
        let iteration = IterationParam {
            cursor: Trusted::new(self),
        };
        IDBRequest::execute_async(
            cx,
            &self.effective_object_store(),
            |callback| {
                AsyncOperation::ReadOnly(AsyncReadOnlyOperation::Iterate { callback, query })
            },
            Some(request),
            Some(iteration),
        )?;
        Ok(())
    }

    /// Whether `key` is where a cursor of this direction is going to, seen from `position`.
    pub(super) fn is_ahead(&self, key: &IndexedDBKeyType, position: &IndexedDBKeyType) -> bool {
        if record_direction(self.direction).is_backwards() {
            key < position
        } else {
            key > position
        }
    }

    fn set_key(&self, key: Option<IndexedDBKeyType>) {
        if *self.key.borrow() != key {
            *self.key_object.borrow_mut() = None;
        }
        *self.key.borrow_mut() = key;
    }

    fn set_positions(&self, key: IndexedDBKeyType, primary_key: IndexedDBKeyType) {
        let before = self.effective_key();
        *self.position.borrow_mut() = Some(key);
        if self.is_of_index() {
            *self.object_store_position.borrow_mut() = Some(primary_key);
        }
        if self.effective_key() != before {
            *self.primary_key_object.borrow_mut() = None;
        }
    }
}

/// The end of <https://w3c.github.io/IndexedDB/#iterate-a-cursor>, with the record that the backend has found.
pub(crate) fn iterate_cursor(
    global: &GlobalScope,
    cx: &mut JSContext,
    iteration: &IterationParam,
    records: Vec<IndexedDBRecord>,
) -> Fallible<Option<DomRoot<IDBCursor>>> {
    let cursor = iteration.cursor.root();
    let Some(record) = records.into_iter().next() else {
        // Step 9.2: there is none.
        cursor.set_key(None);
        if cursor.is_of_index() {
            *cursor.object_store_position.borrow_mut() = None;
            *cursor.primary_key_object.borrow_mut() = None;
        }
        if !cursor.key_only {
            cursor.value.set(UndefinedValue());
        }
        return Ok(None);
    };

    // Step 13, which may fail.
    if !cursor.key_only {
        rooted!(&in(cx) let mut value = UndefinedValue());
        let store = cursor.effective_object_store();
        let injected = values::injected_key_path(&store);
        values::read(cx, global, &record, injected, value.handle_mut())?;
        cursor.value.set(value.get());
    }
    // Steps 10, 11 and 12.
    cursor.set_key(Some(record.key.clone()));
    cursor.set_positions(record.key, record.primary_key);
    // Step 14.
    cursor.got_value.set(true);
    Ok(Some(cursor))
}
