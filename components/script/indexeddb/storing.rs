/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `add()`, `put()` and a cursor's `update()`.

use js::context::JSContext;
use js::jsval::NullValue;
use js::rust::HandleValue;
use script_bindings::error::{Error, ErrorResult, Fallible};
use script_bindings::str::DOMString;
use storage_traits::indexeddb::{
    AsyncOperation, AsyncReadWriteOperation, AsyncSchemaOperation, IndexedDBKeyType,
    IndexedDBThreadMsg,
};

use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::DomRoot;
use crate::dom::bindings::structuredclone;
use crate::dom::indexeddb::idbobjectstore::{IDBObjectStore, KeyPath};
use crate::dom::indexeddb::idbrequest::IDBRequest;
use crate::dom::indexeddb::key::{
    ExtractionResult, can_inject_key_into_value, convert_value_to_key, extract_key,
};
use crate::dom::indexeddb::{index_keys, values};

/// <https://w3c.github.io/IndexedDB/#add-or-put>
pub(crate) fn put(
    cx: &mut JSContext,
    store: &IDBObjectStore,
    value: HandleValue,
    key: HandleValue,
    no_overwrite: bool,
) -> Fallible<DomRoot<IDBRequest>> {
    // Steps 3 to 5.
    store.verify_not_deleted()?;
    store.check_readwrite_transaction_active()?;
    // Steps 6 and 7.
    let is_wrong = match key.is_undefined() {
        true => !store.uses_inline_keys() && !store.has_key_generator(),
        false => store.uses_inline_keys(),
    };
    if is_wrong {
        return Err(Error::Data(None));
    }
    // Step 8.
    let mut key = match key.is_undefined() {
        true => None,
        false => Some(convert_value_to_key(cx, key, None)?.into_result()?),
    };
    // Steps 9 and 10.
    rooted!(&in(cx) let mut clone = NullValue());
    store.clone_value_in_target_realm(cx, value, clone.handle_mut())?;
    // Step 11.
    if let Some(key_path) = store.key_path() {
        match extract_key(cx, clone.handle(), key_path)? {
            ExtractionResult::Invalid => return Err(Error::Data(None)),
            ExtractionResult::Key(found) => key = Some(found),
            ExtractionResult::Failure => {
                let KeyPath::String(path) = key_path else {
                    return Err(Error::Data(None));
                };
                if !store.has_key_generator()
                    || !can_inject_key_into_value(cx, clone.handle(), path)?
                {
                    return Err(Error::Data(None));
                }
            }
        }
    }
    // Steps 12 and 13.
    store_record(cx, store, clone.handle(), key, !no_overwrite)
}

/// <https://w3c.github.io/IndexedDB/#dom-idbcursor-update>, from step 7 on; `key` is that of the cursor's record.
pub(crate) fn update(
    cx: &mut JSContext,
    store: &IDBObjectStore,
    value: HandleValue,
    key: IndexedDBKeyType,
) -> Fallible<DomRoot<IDBRequest>> {
    // Steps 7 and 8.
    rooted!(&in(cx) let mut clone = NullValue());
    store.clone_value_in_target_realm(cx, value, clone.handle_mut())?;
    // Step 9.
    if let Some(key_path) = store.key_path() {
        match extract_key(cx, clone.handle(), key_path)? {
            ExtractionResult::Key(found) if found == key => {}
            _ => return Err(Error::Data(None)),
        }
    }
    // Steps 10 and 11.
    store_record(cx, store, clone.handle(), Some(key), true)
}

/// Asks the backend to <https://w3c.github.io/IndexedDB/#store-a-record-into-an-object-store>. Without a key, its key
/// generator makes one.
fn store_record(
    cx: &mut JSContext,
    store: &IDBObjectStore,
    value: HandleValue,
    key: Option<IndexedDBKeyType>,
    may_overwrite: bool,
) -> Fallible<DomRoot<IDBRequest>> {
    let generated = match &key {
        Some(_) => None,
        None => values::injected_key_path(store),
    };
    let indexes = index_keys::descriptions(store);
    let index_keys = index_keys::of_value(cx, value, &indexes, generated);
    let serialized = structuredclone::write(cx, value, None)?;
    let value = postcard::to_stdvec(&serialized).map_err(|_| Error::InvalidState(None))?;
    IDBRequest::execute_async(
        cx,
        store,
        |callback| {
            AsyncOperation::ReadWrite(AsyncReadWriteOperation::PutItem {
                callback,
                key,
                value,
                should_overwrite: may_overwrite,
                index_keys,
            })
        },
        None,
        None,
    )
}

/// The part of <https://w3c.github.io/IndexedDB/#dom-idbobjectstore-name>, step 9, that the backend does.
pub(crate) fn rename(store: &IDBObjectStore, new_name: &DOMString) -> ErrorResult {
    let transaction = store.transaction();
    let global = store.global();
    transaction
        .send_operation(IndexedDBThreadMsg::AsyncSchemaOperation {
            origin: global.origin().immutable().clone(),
            database_name: String::from(transaction.get_db_name()),
            store_name: String::from(store.get_name()),
            operation: AsyncSchemaOperation::RenameObjectStore {
                callback: transaction.create_abort_callback(),
                new_name: String::from(new_name.clone()),
            },
            transaction_serial_number: transaction.get_serial_number(),
        })
        .map_err(|()| Error::Operation(None))
}
