/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use dom_struct::dom_struct;
use js::context::JSContext;
use js::conversions::ToJSValConvertible;
use js::gc::MutableHandleValue;
use js::rust::HandleValue;
use script_bindings::cell::DomRefCell;
use script_bindings::codegen::GenericBindings::IDBIndexBinding::IDBIndexMethods;
use script_bindings::codegen::GenericBindings::IDBTransactionBinding::IDBTransactionMode;
use script_bindings::error::{Error, ErrorResult, Fallible};
use script_bindings::reflector::{Reflector, reflect_dom_object};
use script_bindings::str::DOMString;
use storage_traits::indexeddb::IndexedDBIndex;

use crate::dom::bindings::codegen::Bindings::IDBCursorBinding::IDBCursorDirection;
use crate::dom::bindings::codegen::Bindings::IDBRecordBinding::IDBGetAllOptions;
use crate::dom::bindings::root::{Dom, DomRoot};
use crate::dom::globalscope::GlobalScope;
use crate::dom::indexeddb::idbobjectstore::{IDBObjectStore, KeyPath};
use crate::dom::indexeddb::idbrequest::IDBRequest;
use crate::dom::indexeddb::queries::{self, inactive};

/// <https://w3c.github.io/IndexedDB/#index-interface>
#[dom_struct]
pub(crate) struct IDBIndex {
    reflector_: Reflector,
    object_store: Dom<IDBObjectStore>,
    name: DomRefCell<DOMString>,
    /// If its transaction has renamed it.
    name_before: DomRefCell<Option<DOMString>>,
    multi_entry: bool,
    unique: bool,
    key_path: KeyPath,
}

impl IDBIndex {
    fn new_inherited(
        object_store: &IDBObjectStore,
        name: DOMString,
        multi_entry: bool,
        unique: bool,
        key_path: KeyPath,
    ) -> IDBIndex {
        IDBIndex {
            reflector_: Reflector::new(),
            object_store: Dom::from_ref(object_store),
            name: DomRefCell::new(name),
            name_before: Default::default(),
            multi_entry,
            unique,
            key_path,
        }
    }

    pub(crate) fn new(
        cx: &mut JSContext,
        global: &GlobalScope,
        object_store: &IDBObjectStore,
        name: DOMString,
        multi_entry: bool,
        unique: bool,
        key_path: KeyPath,
    ) -> DomRoot<IDBIndex> {
        let index = Self::new_inherited(object_store, name, multi_entry, unique, key_path);
        reflect_dom_object(cx, Box::new(index), global)
    }

    pub(crate) fn object_store(&self) -> DomRoot<IDBObjectStore> {
        self.object_store.as_rooted()
    }

    pub(crate) fn get_name(&self) -> DOMString {
        self.name.borrow().clone()
    }

    pub(crate) fn key_path(&self) -> &KeyPath {
        &self.key_path
    }

    pub(crate) fn is_multi_entry(&self) -> bool {
        self.multi_entry
    }

    pub(crate) fn is_unique(&self) -> bool {
        self.unique
    }

    /// The last step of <https://w3c.github.io/IndexedDB/#abort-an-upgrade-transaction>; `before` are the indexes that its
    /// object store had before.
    pub(crate) fn restore_name(&self, before: &[IndexedDBIndex]) {
        let Some(name) = self.name_before.borrow_mut().take() else {
            return;
        };
        let old = String::from(name.clone());
        if before.iter().any(|index| index.name == old) {
            *self.name.borrow_mut() = name;
        }
    }

    /// "InvalidStateError" if it or its object store has been deleted.
    pub(crate) fn verify_not_deleted(&self) -> ErrorResult {
        self.object_store.verify_not_deleted()?;
        let indexes = self.object_store.indexes();
        if indexes.iter().any(|index| &**index == self) {
            return Ok(());
        }
        Err(Error::InvalidState(Some(
            "the index has been deleted".to_owned(),
        )))
    }
}

impl IDBIndexMethods<crate::DomTypeHolder> for IDBIndex {
    /// <https://w3c.github.io/IndexedDB/#dom-idbindex-name>
    fn Name(&self) -> DOMString {
        self.get_name()
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbindex-name>
    fn SetName(&self, name: DOMString) -> ErrorResult {
        // Step 4.
        let transaction = self.object_store.transaction();
        if transaction.get_mode() != IDBTransactionMode::Versionchange {
            return Err(Error::InvalidState(Some(
                "indexes are renamed in upgrade transactions only".to_owned(),
            )));
        }
        // Step 5.
        if !transaction.is_active() || !transaction.is_usable() {
            return Err(inactive());
        }
        // Step 6.
        self.verify_not_deleted()?;
        // Step 7.
        let old_name = self.get_name();
        if old_name == name {
            return Ok(());
        }
        // Step 8.
        if self.object_store.has_index(&name) {
            return Err(Error::Constraint(Some(
                "there is an index with this name".to_owned(),
            )));
        }
        // Steps 9 and 10.
        self.object_store.rename_index(&old_name, &name);
        self.name_before.borrow_mut().get_or_insert(old_name);
        *self.name.borrow_mut() = name;
        Ok(())
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbindex-objectstore>
    fn ObjectStore(&self) -> DomRoot<IDBObjectStore> {
        self.object_store()
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbindex-multientry>
    fn MultiEntry(&self) -> bool {
        self.multi_entry
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbindex-unique>
    fn Unique(&self) -> bool {
        self.unique
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbindex-keypath>
    fn KeyPath(&self, cx: &mut JSContext, out: MutableHandleValue) {
        match &self.key_path {
            KeyPath::String(path) => path.to_jsval(cx, out),
            KeyPath::StringSequence(paths) => paths.to_jsval(cx, out),
        }
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbindex-get>
    fn Get(&self, cx: &mut JSContext, query: HandleValue) -> Fallible<DomRoot<IDBRequest>> {
        queries::get(cx, self.into(), query)
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbindex-getkey>
    fn GetKey(&self, cx: &mut JSContext, query: HandleValue) -> Fallible<DomRoot<IDBRequest>> {
        queries::get_key(cx, self.into(), query)
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbindex-getall>
    fn GetAll(
        &self,
        cx: &mut JSContext,
        query: HandleValue,
        count: Option<u32>,
    ) -> Fallible<DomRoot<IDBRequest>> {
        queries::get_all(cx, self.into(), query, count)
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbindex-getallkeys>
    fn GetAllKeys(
        &self,
        cx: &mut JSContext,
        query: HandleValue,
        count: Option<u32>,
    ) -> Fallible<DomRoot<IDBRequest>> {
        queries::get_all_keys(cx, self.into(), query, count)
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbindex-getallrecords>
    fn GetAllRecords(
        &self,
        cx: &mut JSContext,
        options: &IDBGetAllOptions,
    ) -> Fallible<DomRoot<IDBRequest>> {
        queries::get_all_records(cx, self.into(), options)
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbindex-count>
    fn Count(&self, cx: &mut JSContext, query: HandleValue) -> Fallible<DomRoot<IDBRequest>> {
        queries::count(cx, self.into(), query)
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbindex-opencursor>
    fn OpenCursor(
        &self,
        cx: &mut JSContext,
        query: HandleValue,
        direction: IDBCursorDirection,
    ) -> Fallible<DomRoot<IDBRequest>> {
        queries::open_cursor(cx, self.into(), query, direction, false)
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbindex-openkeycursor>
    fn OpenKeyCursor(
        &self,
        cx: &mut JSContext,
        query: HandleValue,
        direction: IDBCursorDirection,
    ) -> Fallible<DomRoot<IDBRequest>> {
        queries::open_cursor(cx, self.into(), query, direction, true)
    }
}
