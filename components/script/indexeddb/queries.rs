/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the getters and the cursors of object stores and indexes have in common.

use js::context::JSContext;
use js::conversions::ConversionResult;
use js::jsapi::{IsArrayBufferObject, JS_IsArrayBufferViewObject};
use js::rust::HandleValue;
use js::rust::wrappers2::{IsArrayObject, ObjectIsDate};
use script_bindings::error::{Error, Fallible};
use storage_traits::indexeddb::{AsyncReadOnlyOperation, BackendError, IndexedDBKeyRange};
use storage_traits::record_query::{RecordDirection, RecordParts, RecordQuery};

pub(crate) use self::sources::{ObjectStoreOrIndex, RecordSource, RequestSource};
use crate::dom::bindings::codegen::Bindings::IDBCursorBinding::IDBCursorDirection;
use crate::dom::bindings::codegen::Bindings::IDBRecordBinding::IDBGetAllOptions;
use crate::dom::bindings::conversions::root_from_handlevalue;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::refcounted::Trusted;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::DomRoot;
use crate::dom::indexeddb::idbcursor::{IDBCursor, IterationParam};
use crate::dom::indexeddb::idbcursorwithvalue::IDBCursorWithValue;
use crate::dom::indexeddb::idbkeyrange::IDBKeyRange;
use crate::dom::indexeddb::idbrequest::IDBRequest;
use crate::dom::indexeddb::key::convert_value_to_key_range;

mod sources;

/// The direction, as the backend knows it.
pub(crate) fn record_direction(direction: IDBCursorDirection) -> RecordDirection {
    match direction {
        IDBCursorDirection::Next => RecordDirection::Next,
        IDBCursorDirection::Nextunique => RecordDirection::NextUnique,
        IDBCursorDirection::Prev => RecordDirection::Prev,
        IDBCursorDirection::Prevunique => RecordDirection::PrevUnique,
    }
}

/// <https://w3c.github.io/IndexedDB/#dom-idbobjectstore-get>
/// <https://w3c.github.io/IndexedDB/#dom-idbindex-get>
pub(crate) fn get(
    cx: &mut JSContext,
    source: RecordSource,
    query: HandleValue,
) -> Fallible<DomRoot<IDBRequest>> {
    source.check_usable()?;
    let key_range = convert_value_to_key_range(cx, query, Some(true))?;
    let index = source.index_name();
    let operation = |callback| AsyncReadOnlyOperation::GetItem {
        callback,
        index,
        key_range,
    };
    source.execute(cx, operation, None)
}

/// <https://w3c.github.io/IndexedDB/#dom-idbobjectstore-getkey>
/// <https://w3c.github.io/IndexedDB/#dom-idbindex-getkey>
pub(crate) fn get_key(
    cx: &mut JSContext,
    source: RecordSource,
    query: HandleValue,
) -> Fallible<DomRoot<IDBRequest>> {
    source.check_usable()?;
    let key_range = convert_value_to_key_range(cx, query, Some(true))?;
    let index = source.index_name();
    let operation = |callback| AsyncReadOnlyOperation::GetKey {
        callback,
        index,
        key_range,
    };
    source.execute(cx, operation, None)
}

/// <https://w3c.github.io/IndexedDB/#dom-idbobjectstore-count>
/// <https://w3c.github.io/IndexedDB/#dom-idbindex-count>
pub(crate) fn count(
    cx: &mut JSContext,
    source: RecordSource,
    query: HandleValue,
) -> Fallible<DomRoot<IDBRequest>> {
    source.check_usable()?;
    let key_range = convert_value_to_key_range(cx, query, None)?;
    let index = source.index_name();
    let operation = |callback| AsyncReadOnlyOperation::Count {
        callback,
        index,
        key_range,
    };
    source.execute(cx, operation, None)
}

/// <https://w3c.github.io/IndexedDB/#dom-idbobjectstore-getall>
/// <https://w3c.github.io/IndexedDB/#dom-idbindex-getall>
pub(crate) fn get_all(
    cx: &mut JSContext,
    source: RecordSource,
    query: HandleValue,
    count: Option<u32>,
) -> Fallible<DomRoot<IDBRequest>> {
    let query = many(cx, &source, query, count, RecordParts::KeysAndValue)?;
    let operation = |callback| AsyncReadOnlyOperation::GetAllItems { callback, query };
    source.execute(cx, operation, None)
}

/// <https://w3c.github.io/IndexedDB/#dom-idbobjectstore-getallkeys>
/// <https://w3c.github.io/IndexedDB/#dom-idbindex-getallkeys>
pub(crate) fn get_all_keys(
    cx: &mut JSContext,
    source: RecordSource,
    query: HandleValue,
    count: Option<u32>,
) -> Fallible<DomRoot<IDBRequest>> {
    let query = many(cx, &source, query, count, RecordParts::Keys)?;
    let operation = |callback| AsyncReadOnlyOperation::GetAllKeys { callback, query };
    source.execute(cx, operation, None)
}

/// <https://w3c.github.io/IndexedDB/#dom-idbobjectstore-getallrecords>
/// <https://w3c.github.io/IndexedDB/#dom-idbindex-getallrecords>
pub(crate) fn get_all_records(
    cx: &mut JSContext,
    source: RecordSource,
    options: &IDBGetAllOptions,
) -> Fallible<DomRoot<IDBRequest>> {
    source.check_usable()?;
    let query = many_by_options(cx, &source, options, RecordParts::KeysAndValue)?;
    let operation = |callback| AsyncReadOnlyOperation::GetAllRecords { callback, query };
    source.execute(cx, operation, None)
}

/// <https://w3c.github.io/IndexedDB/#create-request-to-retrieve-multiple-items>
fn many(
    cx: &mut JSContext,
    source: &RecordSource,
    query: HandleValue,
    count: Option<u32>,
    parts: RecordParts,
) -> Fallible<RecordQuery> {
    source.check_usable()?;
    if are_options(cx, query)? {
        let options = match IDBGetAllOptions::new(cx, query) {
            Ok(ConversionResult::Success(options)) => options,
            Ok(ConversionResult::Failure(message)) => {
                return Err(Error::Type(message.into_owned()));
            }
            Err(()) => return Err(Error::JSFailed),
        };
        return many_by_options(cx, source, &options, parts);
    }
    Ok(RecordQuery {
        index: source.index_name(),
        range: convert_value_to_key_range(cx, query, None)?,
        // 0 is no limit.
        limit: count.filter(|count| *count > 0),
        parts,
        ..Default::default()
    })
}

fn many_by_options(
    cx: &mut JSContext,
    source: &RecordSource,
    options: &IDBGetAllOptions,
    parts: RecordParts,
) -> Fallible<RecordQuery> {
    Ok(RecordQuery {
        index: source.index_name(),
        range: convert_value_to_key_range(cx, options.query.handle(), None)?,
        direction: record_direction(options.direction),
        limit: options.count.filter(|count| *count > 0),
        parts,
        ..Default::default()
    })
}

/// Whether it is an object that <https://w3c.github.io/IndexedDB/#is-a-potentially-valid-key-range> says no to.
#[expect(unsafe_code)]
fn are_options(cx: &mut JSContext, value: HandleValue) -> Fallible<bool> {
    if !value.is_object() || root_from_handlevalue::<IDBKeyRange>(cx, value).is_ok() {
        return Ok(false);
    }
    rooted!(&in(cx) let object = value.to_object());
    let (mut is_date, mut is_array) = (false, false);
    let is_buffer = unsafe {
        if !ObjectIsDate(cx, object.handle(), &mut is_date)
            || !IsArrayObject(cx, value, &mut is_array)
        {
            return Err(Error::JSFailed);
        }
        IsArrayBufferObject(*object) || JS_IsArrayBufferViewObject(*object)
    };
    Ok(!is_date && !is_array && !is_buffer)
}

/// <https://w3c.github.io/IndexedDB/#dom-idbobjectstore-opencursor>
/// <https://w3c.github.io/IndexedDB/#dom-idbindex-opencursor>, and for keys only.
pub(crate) fn open_cursor(
    cx: &mut JSContext,
    source: RecordSource,
    query: HandleValue,
    direction: IDBCursorDirection,
    key_only: bool,
) -> Fallible<DomRoot<IDBRequest>> {
    source.check_usable()?;
    let range: IndexedDBKeyRange = convert_value_to_key_range(cx, query, Some(false))?;

    let store = source.object_store();
    let global = store.global();
    let transaction = store.transaction();
    let cursor = if key_only {
        IDBCursor::new(
            cx,
            &global,
            &transaction,
            direction,
            false,
            source.to_dom(),
            range,
            key_only,
        )
    } else {
        DomRoot::upcast(IDBCursorWithValue::new(
            cx,
            &global,
            &transaction,
            direction,
            false,
            source.to_dom(),
            range,
            key_only,
        ))
    };
    let query = cursor.query(None, 0);
    let iteration = IterationParam {
        cursor: Trusted::new(&cursor),
    };
    let operation = |callback| AsyncReadOnlyOperation::Iterate { callback, query };
    let request = source.execute(cx, operation, Some(iteration))?;
    cursor.set_request(&request);
    Ok(request)
}

/// For [`IDBRequest::result`]: an object that may be either interface.
pub(crate) fn cursor_object(cursor: &IDBCursor) -> *mut js::jsapi::JSObject {
    use script_bindings::reflector::DomObject;
    match cursor.downcast::<IDBCursorWithValue>() {
        Some(cursor) => *cursor.reflector().get_jsobject(),
        None => *cursor.reflector().get_jsobject(),
    }
}

/// Nothing is done with a request of which the transaction is inactive.
pub(crate) fn inactive() -> Error {
    Error::TransactionInactive(Some("the transaction is not active".to_owned()))
}

/// What a page is told when the backend could not do what it was asked for.
pub(crate) fn request_error(error: BackendError) -> Error {
    match error {
        BackendError::Constraint => Error::Constraint(None),
        BackendError::Abort => Error::Abort(None),
        BackendError::QuotaExceeded => Error::QuotaExceeded {
            quota: None,
            requested: None,
        },
        BackendError::DbNotFound | BackendError::StoreNotFound | BackendError::DbErr(_) => {
            Error::Operation(Some("the database can't be read or written".to_owned()))
        }
    }
}
