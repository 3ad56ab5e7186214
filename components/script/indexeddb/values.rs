/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Values, as they are stored.

use js::context::JSContext;
use js::conversions::ToJSValConvertible;
use js::rust::MutableHandleValue;
use script_bindings::error::{Error, Fallible};
use script_bindings::str::DOMString;
use storage_traits::indexeddb::IndexedDBRecord;

use crate::dom::bindings::structuredclone;
use crate::dom::globalscope::GlobalScope;
use crate::dom::indexeddb::idbobjectstore::{IDBObjectStore, KeyPath};
use crate::dom::indexeddb::idbrecord::IDBRecord;
use crate::dom::indexeddb::key::{ExtractionResult, extract_key, inject_key_into_value};

/// Where values of this object store have their key, if a key generator makes it. It does so in the backend, when the value
/// is serialized already: what is stored lacks the key.
pub(crate) fn injected_key_path(store: &IDBObjectStore) -> Option<&DOMString> {
    match store.key_path() {
        Some(KeyPath::String(path)) if store.has_key_generator() => Some(path),
        _ => None,
    }
}

/// <https://w3c.github.io/IndexedDB/#retrieve-a-value-from-an-object-store>, step 4
pub(crate) fn read(
    cx: &mut JSContext,
    global: &GlobalScope,
    record: &IndexedDBRecord,
    injected: Option<&DOMString>,
    mut out: MutableHandleValue,
) -> Fallible<()> {
    let data = postcard::from_bytes(&record.value).map_err(|_| Error::Data(None))?;
    structuredclone::read(cx, global, data, out.reborrow())?;
    let Some(path) = injected else {
        return Ok(());
    };
    // The value may have brought a key of its own, such as the length of an array.
    let found = extract_key(cx, out.handle(), &KeyPath::String(path.clone()))?;
    if matches!(found, ExtractionResult::Failure) {
        inject_key_into_value(cx, out.handle(), &record.primary_key, path)?;
    }
    Ok(())
}

/// The answer to `getAllRecords()`.
pub(crate) fn read_snapshots(
    cx: &mut JSContext,
    global: &GlobalScope,
    records: &[IndexedDBRecord],
    injected: Option<&DOMString>,
    out: MutableHandleValue,
) -> Fallible<()> {
    let mut snapshots = Vec::new();
    for record in records {
        snapshots.push(IDBRecord::new(cx, global, record, injected)?);
    }
    snapshots.to_jsval(cx, out);
    Ok(())
}
