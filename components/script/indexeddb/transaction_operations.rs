/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What a transaction does beside its requests: it waits for indexes to be filled, and ends its requests when it is aborted.
//! A part of `idbtransaction`.

use std::collections::VecDeque;

use js::context::JSContext;
use js::rust::HandleValue;
use servo_base::generic_channel::GenericSend;
use storage_traits::indexeddb::{
    BackendResult, IndexedDBObjectStore, IndexedDBThreadMsg, SyncOperation,
};
use stylo_atoms::Atom;

use super::IDBTransaction;
use crate::dom::bindings::error::Error;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::refcounted::Trusted;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::DomRoot;
use crate::dom::event::{Event, EventBubbles, EventCancelable};
use crate::dom::indexeddb::idbindex::IDBIndex;
use crate::dom::indexeddb::idbobjectstore::IDBObjectStore;
use crate::dom::indexeddb::idbrequest::IDBRequest;
use crate::dom::indexeddb::index_fill::{Fill, FillPurpose};
use crate::dom::indexeddb::index_keys;
use crate::dom::indexeddb::key::map_backend_error_to_dom_error;

/// What must wait until the records of an object store are in its new index.
pub(crate) enum Held {
    Message(IndexedDBThreadMsg),
    Fill(IndexedDBObjectStore),
}

/// `None` if nothing has to wait.
pub(crate) type HeldOperations = Option<VecDeque<Held>>;

impl IDBTransaction {
    /// Sends an operation to the backend, in its turn.
    pub(crate) fn send_operation(&self, message: IndexedDBThreadMsg) -> Result<(), ()> {
        if let Some(held) = self.held.borrow_mut().as_mut() {
            held.push_back(Held::Message(message));
            return Ok(());
        }
        let global = self.global();
        global.storage_threads().send(message).map_err(|_| ())
    }

    /// Has the records that `store` has already entered in a new index.
    pub(crate) fn fill_index(&self, store: &IDBObjectStore, index: &IDBIndex) {
        // What is as new as the index has nothing to be entered.
        if store.is_new() && self.issued_count() == 0 {
            return;
        }
        let job = IndexedDBObjectStore {
            name: String::from(store.get_name()),
            key_path: store.key_path().cloned().map(Into::into),
            has_key_generator: store.has_key_generator(),
            key_generator_current_number: None,
            indexes: vec![index_keys::describe(index)],
        };
        if let Some(held) = self.held.borrow_mut().as_mut() {
            held.push_back(Held::Fill(job));
            return;
        }
        *self.held.borrow_mut() = Some(VecDeque::new());
        self.start_fill(job);
    }

    fn start_fill(&self, job: IndexedDBObjectStore) {
        let request_id = self.allocate_request_id();
        self.pending_request_count
            .set(self.pending_request_count.get() + 1);
        Fill::start(
            &self.global(),
            String::from(self.get_db_name()),
            self.get_serial_number(),
            [job],
            FillPurpose::NewIndex {
                transaction: Trusted::new(self),
                request_id,
            },
        );
    }

    /// The index has its records: what has waited goes on.
    pub(crate) fn filled(&self, cx: &mut JSContext, request_id: u64, result: BackendResult<()>) {
        let held = self.held.borrow_mut().take().unwrap_or_default();
        match result {
            Ok(()) => self.release(held),
            Err(error) => {
                self.initiate_abort(cx, map_backend_error_to_dom_error(error));
                self.request_backend_abort();
            }
        }
        self.request_finished();
        self.mark_request_handled(request_id);
        let global = self.global();
        let _ = global.storage_threads().send(IndexedDBThreadMsg::Sync(
            SyncOperation::RequestHandled {
                origin: global.origin().immutable().clone(),
                db_name: String::from(self.get_db_name()),
                txn: self.get_serial_number(),
                request_id,
            },
        ));
        self.maybe_commit(cx);
    }

    fn release(&self, mut held: VecDeque<Held>) {
        while let Some(next) = held.pop_front() {
            match next {
                Held::Message(message) => {
                    let _ = self.send_operation(message);
                }
                Held::Fill(job) => {
                    *self.held.borrow_mut() = Some(held);
                    return self.start_fill(job);
                }
            }
        }
    }

    /// Its page is not active any more, and runs no task: no other page may have to wait for it.
    pub(crate) fn end_with_page(&self, cx: &mut JSContext) {
        if !self.is_usable() {
            return;
        }
        self.set_active_flag(false);
        self.initiate_abort(cx, Error::Abort(None));
        self.request_backend_abort();
        self.notify_backend_transaction_finished();
    }

    /// <https://w3c.github.io/IndexedDB/#abort-a-transaction>, step 5
    pub(crate) fn abort_requests(&self) {
        *self.held.borrow_mut() = None;
        for request in self.requests.borrow().iter() {
            if !request.abort() {
                continue;
            }
            let request = Trusted::new(&**request);
            self.global()
                .task_manager()
                .dom_manipulation_task_source()
                .queue(task!(abort_request: move |cx| {
                    fire_abort_error(cx, &request.root());
                }));
        }
        self.requests.borrow_mut().clear();
    }
}

fn fire_abort_error(cx: &mut JSContext, request: &DomRoot<IDBRequest>) {
    request.set_ready_state_done();
    request.set_result(HandleValue::undefined());
    request.set_error(cx, Some(Error::Abort(None)));
    let global = request.global();
    let event = Event::new(
        cx,
        &global,
        Atom::from("error"),
        EventBubbles::Bubbles,
        EventCancelable::Cancelable,
    );
    event.fire(cx, request.upcast());
}
