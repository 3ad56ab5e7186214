/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Object stores, indexes and cursors, as that of which records are wanted, or a request comes.

use js::context::JSContext;
use profile_traits::generic_callback::GenericCallback;
use script_bindings::error::{ErrorResult, Fallible};
use serde::{Deserialize, Serialize};
use storage_traits::indexeddb::{AsyncOperation, AsyncReadOnlyOperation, BackendResult};

use crate::dom::bindings::codegen::UnionTypes::{
    IDBObjectStoreOrIDBIndex, IDBObjectStoreOrIDBIndexOrIDBCursor,
};
use crate::dom::bindings::root::{Dom, DomRoot};
use crate::dom::indexeddb::idbcursor::{IDBCursor, IterationParam};
use crate::dom::indexeddb::idbindex::IDBIndex;
use crate::dom::indexeddb::idbobjectstore::IDBObjectStore;
use crate::dom::indexeddb::idbrequest::{IDBRequest, IdbResult};

/// Where records are looked for.
#[derive(JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
pub(crate) enum ObjectStoreOrIndex {
    ObjectStore(Dom<IDBObjectStore>),
    Index(Dom<IDBIndex>),
}

impl ObjectStoreOrIndex {
    pub(crate) fn rooted(&self) -> RecordSource {
        match self {
            Self::ObjectStore(store) => RecordSource::ObjectStore(store.as_rooted()),
            Self::Index(index) => RecordSource::Index(index.as_rooted()),
        }
    }
}

/// <https://w3c.github.io/IndexedDB/#request-source>
#[derive(JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
pub(crate) enum RequestSource {
    ObjectStore(Dom<IDBObjectStore>),
    Index(Dom<IDBIndex>),
    Cursor(Dom<IDBCursor>),
}

impl RequestSource {
    pub(crate) fn to_union(&self) -> IDBObjectStoreOrIDBIndexOrIDBCursor {
        use IDBObjectStoreOrIDBIndexOrIDBCursor as Union;
        match self {
            Self::ObjectStore(store) => Union::IDBObjectStore(store.as_rooted()),
            Self::Index(index) => Union::IDBIndex(index.as_rooted()),
            Self::Cursor(cursor) => Union::IDBCursor(cursor.as_rooted()),
        }
    }

    pub(crate) fn object_store(&self) -> DomRoot<IDBObjectStore> {
        match self {
            Self::ObjectStore(store) => store.as_rooted(),
            Self::Index(index) => index.object_store(),
            Self::Cursor(cursor) => cursor.effective_object_store(),
        }
    }
}

/// An object store or an index of which records are wanted.
pub(crate) enum RecordSource {
    ObjectStore(DomRoot<IDBObjectStore>),
    Index(DomRoot<IDBIndex>),
}

impl From<&IDBObjectStore> for RecordSource {
    fn from(store: &IDBObjectStore) -> Self {
        Self::ObjectStore(DomRoot::from_ref(store))
    }
}

impl From<&IDBIndex> for RecordSource {
    fn from(index: &IDBIndex) -> Self {
        Self::Index(DomRoot::from_ref(index))
    }
}

impl RecordSource {
    pub(crate) fn object_store(&self) -> DomRoot<IDBObjectStore> {
        match self {
            Self::ObjectStore(store) => store.clone(),
            Self::Index(index) => index.object_store(),
        }
    }

    pub(crate) fn index_name(&self) -> Option<String> {
        match self {
            Self::ObjectStore(_) => None,
            Self::Index(index) => Some(String::from(index.get_name())),
        }
    }

    pub(crate) fn to_union(&self) -> IDBObjectStoreOrIDBIndex {
        match self {
            Self::ObjectStore(store) => IDBObjectStoreOrIDBIndex::IDBObjectStore(store.clone()),
            Self::Index(index) => IDBObjectStoreOrIDBIndex::IDBIndex(index.clone()),
        }
    }

    #[cfg_attr(crown, expect(crown::unrooted_must_root))]
    pub(super) fn to_dom(&self) -> ObjectStoreOrIndex {
        match self {
            Self::ObjectStore(store) => ObjectStoreOrIndex::ObjectStore(Dom::from_ref(store)),
            Self::Index(index) => ObjectStoreOrIndex::Index(Dom::from_ref(index)),
        }
    }

    pub(crate) fn verify_not_deleted(&self) -> ErrorResult {
        match self {
            Self::ObjectStore(store) => store.verify_not_deleted(),
            Self::Index(index) => index.verify_not_deleted(),
        }
    }

    /// What every getter checks first.
    pub(super) fn check_usable(&self) -> ErrorResult {
        self.verify_not_deleted()?;
        self.object_store().check_transaction_active()
    }

    /// <https://w3c.github.io/IndexedDB/#asynchronously-execute-a-request>
    pub(super) fn execute<T>(
        &self,
        cx: &mut JSContext,
        operation: impl FnOnce(GenericCallback<BackendResult<T>>) -> AsyncReadOnlyOperation,
        iteration: Option<IterationParam>,
    ) -> Fallible<DomRoot<IDBRequest>>
    where
        T: Into<IdbResult> + for<'a> Deserialize<'a> + Serialize + Send + Sync + 'static,
    {
        let request = IDBRequest::execute_async(
            cx,
            &self.object_store(),
            |callback| AsyncOperation::ReadOnly(operation(callback)),
            None,
            iteration,
        )?;
        if let Self::Index(index) = self {
            request.set_source(Some(RequestSource::Index(Dom::from_ref(&**index))));
        }
        Ok(request)
    }
}
