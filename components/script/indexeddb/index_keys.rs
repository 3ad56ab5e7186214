/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The keys by which indexes find a value.

use js::context::JSContext;
use js::jsapi::PropertyKey;
use js::jsval::UndefinedValue;
use js::rust::HandleValue;
use js::rust::wrappers2::{
    GetArrayLength, IsArrayObject, JS_ClearPendingException, JS_GetPropertyById, JS_IndexToId,
};
use script_bindings::error::{Error, Fallible};
use script_bindings::str::DOMString;
use storage_traits::indexeddb::{IndexedDBIndex, IndexedDBKeyType};
use storage_traits::record_query::{IndexKeySource, IndexKeys};

use crate::dom::indexeddb::idbindex::IDBIndex;
use crate::dom::indexeddb::idbobjectstore::{IDBObjectStore, KeyPath};
use crate::dom::indexeddb::key::{
    ConversionResult, EvaluationResult, convert_value_to_key, evaluate_key_path_on_value,
};

/// An index, as the backend knows it.
pub(crate) fn describe(index: &IDBIndex) -> IndexedDBIndex {
    IndexedDBIndex {
        name: String::from(index.get_name()),
        key_path: index.key_path().clone().into(),
        multi_entry: index.is_multi_entry(),
        unique: index.is_unique(),
    }
}

/// The indexes of an object store.
pub(crate) fn descriptions(store: &IDBObjectStore) -> Vec<IndexedDBIndex> {
    let indexes = store.indexes();
    indexes.iter().map(|index| describe(index)).collect()
}

/// <https://w3c.github.io/IndexedDB/#store-a-record-into-an-object-store>, step 5.1, for each index
///
/// `generated` is the key path of the object store, if its key generator makes the key later.
pub(crate) fn of_value(
    cx: &mut JSContext,
    value: HandleValue,
    indexes: &[IndexedDBIndex],
    generated: Option<&DOMString>,
) -> Vec<IndexKeys> {
    let mut found = Vec::new();
    for index in indexes {
        let key_path = KeyPath::from(index.key_path.clone());
        match keys_of(cx, value, &key_path, index.multi_entry, generated) {
            Ok(Some(keys)) => found.push(IndexKeys {
                index: index.name.clone(),
                keys,
            }),
            Ok(None) => {}
            // Step 5.2: whatever it is, this index does not find the value.
            Err(_) => clear_exception(cx),
        }
    }
    found
}

#[expect(unsafe_code)]
fn clear_exception(cx: &mut JSContext) {
    unsafe { JS_ClearPendingException(cx) };
}

fn keys_of(
    cx: &mut JSContext,
    value: HandleValue,
    key_path: &KeyPath,
    multi_entry: bool,
    generated: Option<&DOMString>,
) -> Fallible<Option<IndexKeySource>> {
    match key_path {
        KeyPath::String(path) if Some(path) == generated => Ok(Some(IndexKeySource::GeneratedKey)),
        KeyPath::String(_) => {
            rooted!(&in(cx) let mut found = UndefinedValue());
            if !evaluate(cx, value, key_path, found.handle_mut())? {
                return Ok(None);
            }
            let keys = match multi_entry {
                true => multi_entry_keys(cx, found.handle())?,
                false => convert(cx, found.handle())?.map(|key| vec![key]),
            };
            Ok(keys.map(IndexKeySource::Extracted))
        }
        KeyPath::StringSequence(paths) => {
            let mut parts = Vec::new();
            for path in paths {
                if Some(path) == generated {
                    parts.push(None);
                    continue;
                }
                rooted!(&in(cx) let mut found = UndefinedValue());
                if !evaluate(
                    cx,
                    value,
                    &KeyPath::String(path.clone()),
                    found.handle_mut(),
                )? {
                    return Ok(None);
                }
                let Some(key) = convert(cx, found.handle())? else {
                    return Ok(None);
                };
                parts.push(Some(key));
            }
            Ok(Some(IndexKeySource::Compound(parts)))
        }
    }
}

fn evaluate(
    cx: &mut JSContext,
    value: HandleValue,
    key_path: &KeyPath,
    out: js::rust::MutableHandleValue,
) -> Fallible<bool> {
    let result = evaluate_key_path_on_value(cx, value, key_path, out)?;
    Ok(matches!(result, EvaluationResult::Success))
}

/// `None` is a value that is no key.
fn convert(cx: &mut JSContext, value: HandleValue) -> Fallible<Option<IndexedDBKeyType>> {
    Ok(match convert_value_to_key(cx, value, None)? {
        ConversionResult::Valid(key) => Some(key),
        ConversionResult::Invalid => None,
    })
}

/// <https://w3c.github.io/IndexedDB/#convert-a-value-to-a-multientry-key>
#[expect(unsafe_code)]
fn multi_entry_keys(
    cx: &mut JSContext,
    value: HandleValue,
) -> Fallible<Option<Vec<IndexedDBKeyType>>> {
    let mut is_array = false;
    if unsafe { !IsArrayObject(cx, value, &mut is_array) } {
        return Err(Error::JSFailed);
    }
    // Step 2.
    if !is_array {
        return Ok(convert(cx, value)?.map(|key| vec![key]));
    }
    // Step 1.
    rooted!(&in(cx) let array = value.to_object());
    let mut length = 0;
    if unsafe { !GetArrayLength(cx, array.handle(), &mut length) } {
        return Err(Error::JSFailed);
    }
    let mut keys: Vec<IndexedDBKeyType> = Vec::new();
    for position in 0..length {
        rooted!(&in(cx) let mut id: PropertyKey);
        rooted!(&in(cx) let mut entry = UndefinedValue());
        let got = unsafe {
            JS_IndexToId(cx, position, id.handle_mut())
                && JS_GetPropertyById(cx, array.handle(), id.handle(), entry.handle_mut())
        };
        if !got {
            clear_exception(cx);
            continue;
        }
        // What is no key is passed over; what comes twice is one.
        match convert(cx, entry.handle()) {
            Ok(Some(key)) if !keys.contains(&key) => keys.push(key),
            Ok(_) => {}
            Err(_) => clear_exception(cx),
        }
    }
    Ok(Some(keys))
}
