/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

use dom_struct::dom_struct;
use js::context::JSContext;
use js::jsapi::Heap;
use js::jsval::{JSVal, UndefinedValue};
use js::rust::MutableHandleValue;
use script_bindings::codegen::GenericBindings::IDBRecordBinding::IDBRecordMethods;
use script_bindings::error::Fallible;
use script_bindings::reflector::{Reflector, reflect_dom_object};
use script_bindings::str::DOMString;
use storage_traits::indexeddb::IndexedDBRecord;

use crate::dom::bindings::root::DomRoot;
use crate::dom::globalscope::GlobalScope;
use crate::dom::indexeddb::key::key_type_to_jsval;
use crate::dom::indexeddb::values;

/// <https://w3c.github.io/IndexedDB/#record-interface>
#[dom_struct]
pub(crate) struct IDBRecord {
    reflector_: Reflector,
    #[ignore_malloc_size_of = "mozjs"]
    key: Heap<JSVal>,
    #[ignore_malloc_size_of = "mozjs"]
    primary_key: Heap<JSVal>,
    #[ignore_malloc_size_of = "mozjs"]
    value: Heap<JSVal>,
}

impl IDBRecord {
    pub(crate) fn new(
        cx: &mut JSContext,
        global: &GlobalScope,
        record: &IndexedDBRecord,
        injected: Option<&DOMString>,
    ) -> Fallible<DomRoot<IDBRecord>> {
        rooted!(&in(cx) let mut key = UndefinedValue());
        rooted!(&in(cx) let mut primary_key = UndefinedValue());
        rooted!(&in(cx) let mut value = UndefinedValue());
        key_type_to_jsval(cx, &record.key, key.handle_mut());
        key_type_to_jsval(cx, &record.primary_key, primary_key.handle_mut());
        values::read(cx, global, record, injected, value.handle_mut())?;

        let empty = IDBRecord {
            reflector_: Reflector::new(),
            key: Heap::default(),
            primary_key: Heap::default(),
            value: Heap::default(),
        };
        // They are set where they stay: the garbage collector knows them by their addresses.
        let snapshot = reflect_dom_object(cx, Box::new(empty), global);
        snapshot.key.set(key.get());
        snapshot.primary_key.set(primary_key.get());
        snapshot.value.set(value.get());
        Ok(snapshot)
    }
}

impl IDBRecordMethods<crate::DomTypeHolder> for IDBRecord {
    /// <https://w3c.github.io/IndexedDB/#dom-idbrecord-key>
    fn Key(&self, _cx: &mut JSContext, mut out: MutableHandleValue) {
        out.set(self.key.get());
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbrecord-primarykey>
    fn PrimaryKey(&self, _cx: &mut JSContext, mut out: MutableHandleValue) {
        out.set(self.primary_key.get());
    }

    /// <https://w3c.github.io/IndexedDB/#dom-idbrecord-value>
    fn Value(&self, _cx: &mut JSContext, mut out: MutableHandleValue) {
        out.set(self.value.get());
    }
}
