/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

#![cfg_attr(crown, allow(crown::jscontext_first_arg))]

use std::cell::Cell;

use dom_struct::dom_struct;
use js::context::JSContext;
use js::jsapi::Heap;
use js::jsval::{JSVal, UndefinedValue};
use js::rust::{HandleValue, MutableHandleValue};
use script_bindings::cell::DomRefCell;
use script_bindings::reflector::{Reflector, reflect_dom_object};
use storage_traits::indexeddb::{
    AsyncOperation, AsyncReadWriteOperation, IndexedDBKeyRange, IndexedDBKeyType,
};
use storage_traits::record_query::RecordStart;

pub(crate) use self::iteration::{IterationParam, iterate_cursor};
use crate::dom::bindings::codegen::Bindings::IDBCursorBinding::{
    IDBCursorDirection, IDBCursorMethods,
};
use crate::dom::bindings::codegen::Bindings::IDBTransactionBinding::IDBTransactionMode;
use crate::dom::bindings::codegen::UnionTypes::IDBObjectStoreOrIDBIndex;
use crate::dom::bindings::error::{Error, ErrorResult, Fallible};
use crate::dom::bindings::root::{Dom, DomRoot, MutNullableDom};
use crate::dom::globalscope::GlobalScope;
use crate::dom::indexeddb::idbobjectstore::IDBObjectStore;
use crate::dom::indexeddb::idbrequest::IDBRequest;
use crate::dom::indexeddb::idbtransaction::IDBTransaction;
use crate::dom::indexeddb::key::{convert_value_to_key, key_type_to_jsval};
pub(crate) use crate::dom::indexeddb::queries::ObjectStoreOrIndex;
use crate::dom::indexeddb::queries::{RecordSource, RequestSource, inactive, record_direction};
use crate::dom::indexeddb::storing;

// With a path: this file is declared by a path itself, so its modules would be looked for beside it.
#[path = "cursor/iteration.rs"]
mod iteration;

/// <https://w3c.github.io/IndexedDB/#cursor-interface>
#[dom_struct]
pub(crate) struct IDBCursor {
    reflector_: Reflector,

    /// <https://w3c.github.io/IndexedDB/#cursor-transaction>
    transaction: Dom<IDBTransaction>,
    /// <https://w3c.github.io/IndexedDB/#cursor-range>
    #[no_trace]
    range: IndexedDBKeyRange,
    /// <https://w3c.github.io/IndexedDB/#cursor-source>
    source: ObjectStoreOrIndex,
    /// <https://w3c.github.io/IndexedDB/#cursor-direction>
    direction: IDBCursorDirection,
    /// <https://w3c.github.io/IndexedDB/#cursor-position>
    #[no_trace]
    position: DomRefCell<Option<IndexedDBKeyType>>,
    /// <https://w3c.github.io/IndexedDB/#cursor-object-store-position>
    #[no_trace]
    object_store_position: DomRefCell<Option<IndexedDBKeyType>>,
    /// <https://w3c.github.io/IndexedDB/#cursor-key>
    #[no_trace]
    key: DomRefCell<Option<IndexedDBKeyType>>,
    /// Script gets the same object until the key is another one.
    #[ignore_malloc_size_of = "mozjs"]
    key_object: DomRefCell<Option<Heap<JSVal>>>,
    #[ignore_malloc_size_of = "mozjs"]
    primary_key_object: DomRefCell<Option<Heap<JSVal>>>,
    /// <https://w3c.github.io/IndexedDB/#cursor-value>
    #[ignore_malloc_size_of = "mozjs"]
    value: Heap<JSVal>,
    /// <https://w3c.github.io/IndexedDB/#cursor-got-value-flag>
    got_value: Cell<bool>,
    /// <https://w3c.github.io/IndexedDB/#cursor-key-only-flag>
    key_only: bool,
    /// <https://w3c.github.io/IndexedDB/#cursor-request>
    request: MutNullableDom<IDBRequest>,
}

impl IDBCursor {
    #[cfg_attr(crown, expect(crown::unrooted_must_root))]
    pub(crate) fn new_inherited(
        transaction: &IDBTransaction,
        direction: IDBCursorDirection,
        got_value: bool,
        source: ObjectStoreOrIndex,
        range: IndexedDBKeyRange,
        key_only: bool,
    ) -> IDBCursor {
        IDBCursor {
            reflector_: Reflector::new(),
            transaction: Dom::from_ref(transaction),
            range,
            source,
            direction,
            position: Default::default(),
            object_store_position: Default::default(),
            key: Default::default(),
            key_object: Default::default(),
            primary_key_object: Default::default(),
            value: Heap::default(),
            got_value: Cell::new(got_value),
            key_only,
            request: Default::default(),
        }
    }

    #[cfg_attr(crown, expect(crown::unrooted_must_root))]
    #[expect(clippy::too_many_arguments)]
    pub(crate) fn new(
        cx: &mut JSContext,
        global: &GlobalScope,
        transaction: &IDBTransaction,
        direction: IDBCursorDirection,
        got_value: bool,
        source: ObjectStoreOrIndex,
        range: IndexedDBKeyRange,
        key_only: bool,
    ) -> DomRoot<IDBCursor> {
        let cursor =
            Self::new_inherited(transaction, direction, got_value, source, range, key_only);
        reflect_dom_object(cx, Box::new(cursor), global)
    }

    pub(crate) fn set_request(&self, request: &IDBRequest) {
        self.request.set(Some(request));
    }

    pub(crate) fn value(&self, mut out: MutableHandleValue) {
        out.set(self.value.get());
    }

    fn source(&self) -> RecordSource {
        self.source.rooted()
    }

    fn is_of_index(&self) -> bool {
        matches!(self.source, ObjectStoreOrIndex::Index(_))
    }

    /// <https://w3c.github.io/IndexedDB/#cursor-effective-key>
    pub(crate) fn effective_key(&self) -> Option<IndexedDBKeyType> {
        if self.is_of_index() {
            self.object_store_position.borrow().clone()
        } else {
            self.position.borrow().clone()
        }
    }

    /// <https://w3c.github.io/IndexedDB/#cursor-effective-object-store>
    pub(crate) fn effective_object_store(&self) -> DomRoot<IDBObjectStore> {
        self.source().object_store()
    }

    /// What `advance()`, `continue()` and `continuePrimaryKey()` check first.
    fn check_usable(&self) -> ErrorResult {
        if !self.transaction.is_active() || !self.transaction.is_usable() {
            return Err(inactive());
        }
        self.source().verify_not_deleted()
    }

    fn check_got_value(&self) -> ErrorResult {
        if self.got_value.get() {
            return Ok(());
        }
        Err(Error::InvalidState(Some(
            "the cursor is on its way, or past the end".to_owned(),
        )))
    }

    /// What `update()` and `delete()` check first.
    fn check_writable(&self) -> ErrorResult {
        if !self.transaction.is_active() || !self.transaction.is_usable() {
            return Err(inactive());
        }
        if self.transaction.get_mode() == IDBTransactionMode::Readonly {
            return Err(Error::ReadOnly(None));
        }
        self.source().verify_not_deleted()?;
        self.check_got_value()?;
        if self.key_only {
            return Err(Error::InvalidState(Some(
                "the cursor has keys only".to_owned(),
            )));
        }
        Ok(())
    }
}

/// The object that `slot` has, or a new one.
fn key_object(
    cx: &mut JSContext,
    slot: &DomRefCell<Option<Heap<JSVal>>>,
    key: Option<IndexedDBKeyType>,
    mut out: MutableHandleValue,
) {
    if let Some(object) = &*slot.borrow() {
        out.set(object.get());
        return;
    }
    match key {
        Some(key) => key_type_to_jsval(cx, &key, out.reborrow()),
        None => out.set(UndefinedValue()),
    }
    let mut slot = slot.borrow_mut();
    // It is set where it stays: the garbage collector knows it by its address.
    slot.insert(Heap::default()).set(out.get());
}

impl IDBCursorMethods<crate::DomTypeHolder> for IDBCursor {
    /// <https://w3c.github.io/IndexedDB/#dom-idbcursor-source>
    fn Source(&self) -> IDBObjectStoreOrIDBIndex {
        self.source().to_union()
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbcursor-direction>
    fn Direction(&self) -> IDBCursorDirection {
        self.direction
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbcursor-key>
    fn Key(&self, cx: &mut JSContext, out: MutableHandleValue) {
        key_object(cx, &self.key_object, self.key.borrow().clone(), out);
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbcursor-primarykey>
    fn PrimaryKey(&self, cx: &mut JSContext, out: MutableHandleValue) {
        key_object(cx, &self.primary_key_object, self.effective_key(), out);
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbcursor-request>
    fn Request(&self) -> DomRoot<IDBRequest> {
        self.request
            .get()
            .expect("script gets a cursor by its request")
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbcursor-advance>
    fn Advance(&self, cx: &mut JSContext, count: u32) -> ErrorResult {
        if count == 0 {
            return Err(Error::Type(c"the count must not be 0".to_owned()));
        }
        self.check_usable()?;
        self.check_got_value()?;
        self.go_on(cx, None, count - 1)
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbcursor-continue>
    fn Continue(&self, cx: &mut JSContext, key: HandleValue) -> ErrorResult {
        self.check_usable()?;
        self.check_got_value()?;
        if key.is_undefined() {
            return self.go_on(cx, None, 0);
        }
        let key = convert_value_to_key(cx, key, None)?.into_result()?;
        let is_ahead = match &*self.position.borrow() {
            Some(position) => self.is_ahead(&key, position),
            None => true,
        };
        if !is_ahead {
            return Err(Error::Data(Some(
                "the key is not ahead of the cursor".to_owned(),
            )));
        }
        let target = RecordStart {
            key,
            primary_key: None,
            inclusive: true,
        };
        self.go_on(cx, Some(target), 0)
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbcursor-continueprimarykey>
    fn ContinuePrimaryKey(
        &self,
        cx: &mut JSContext,
        key: HandleValue,
        primary_key: HandleValue,
    ) -> ErrorResult {
        self.check_usable()?;
        if !self.is_of_index() {
            return Err(Error::InvalidAccess(Some(
                "the cursor is not one of an index".to_owned(),
            )));
        }
        if record_direction(self.direction).is_unique() {
            return Err(Error::InvalidAccess(Some(
                "the direction must be \"next\" or \"prev\"".to_owned(),
            )));
        }
        self.check_got_value()?;
        let key = convert_value_to_key(cx, key, None)?.into_result()?;
        let primary_key = convert_value_to_key(cx, primary_key, None)?.into_result()?;
        let is_ahead = match (
            &*self.position.borrow(),
            &*self.object_store_position.borrow(),
        ) {
            (Some(position), Some(primary)) if key == *position => {
                self.is_ahead(&primary_key, primary)
            }
            (Some(position), _) => self.is_ahead(&key, position),
            (None, _) => true,
        };
        if !is_ahead {
            return Err(Error::Data(Some(
                "the keys are not ahead of the cursor".to_owned(),
            )));
        }
        let target = RecordStart {
            key,
            primary_key: Some(primary_key),
            inclusive: true,
        };
        self.go_on(cx, Some(target), 0)
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbcursor-update>
    fn Update(&self, cx: &mut JSContext, value: HandleValue) -> Fallible<DomRoot<IDBRequest>> {
        self.check_writable()?;
        let Some(key) = self.effective_key() else {
            return Err(Error::InvalidState(None));
        };
        let store = self.effective_object_store();
        let request = storing::update(cx, &store, value, key)?;
        request.set_source(Some(RequestSource::Cursor(Dom::from_ref(self))));
        Ok(request)
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbcursor-delete>
    fn Delete(&self, cx: &mut JSContext) -> Fallible<DomRoot<IDBRequest>> {
        self.check_writable()?;
        let Some(key) = self.effective_key() else {
            return Err(Error::InvalidState(None));
        };
        let request = IDBRequest::execute_async(
            cx,
            &self.effective_object_store(),
            |callback| {
                AsyncOperation::ReadWrite(AsyncReadWriteOperation::RemoveItem {
                    callback,
                    key_range: IndexedDBKeyRange::only(key),
                })
            },
            None,
            None,
        )?;
        request.set_source(Some(RequestSource::Cursor(Dom::from_ref(self))));
        Ok(request)
    }
}
