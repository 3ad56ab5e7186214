/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The threads that service workers run in.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use background_sync_traits::EventToken;
use crossbeam_channel::Sender;
use parking_lot::Mutex;
use servo_base::id::{ServiceWorkerId, ServiceWorkerRegistrationId};
use servo_constellation_traits::ServiceWorkerScript;

use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::root::DomRoot;
use crate::dom::globalscope::GlobalScope;
use crate::dom::serviceworkerglobalscope::{ServiceWorkerControlMsg, ServiceWorkerGlobalScope};
use crate::runtime::script_runtime::ThreadSafeJSContext;

/// How a worker is started.
pub(crate) struct WorkerStart {
    pub(crate) registration_id: ServiceWorkerRegistrationId,
    pub(crate) worker_id: ServiceWorkerId,
    /// The script of a worker that is started again; `None` for one that is yet to be fetched and installed.
    pub(crate) script: Option<ServiceWorkerScript>,
    /// The script of the version before. One that is fetched and turns out to be the same is not run.
    pub(crate) known_source: Option<Vec<u8>>,
}

/// The functional events that a worker's thread was given and that are not over.
#[derive(Clone, Default)]
pub(crate) struct EventsInHand(Arc<Mutex<HashSet<EventToken>>>);

impl EventsInHand {
    pub(crate) fn insert(&self, event: EventToken) {
        self.0.lock().insert(event);
    }

    pub(crate) fn remove(&self, event: EventToken) {
        self.0.lock().remove(&event);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    fn contains(&self, event: EventToken) -> bool {
        self.0.lock().contains(&event)
    }
}

/// The thread that a service worker runs in. Dropping it terminates the worker, and does not wait for the thread's end:
/// it may be waiting for a server that does not answer.
pub(crate) struct WorkerThread {
    control_sender: Sender<ServiceWorkerControlMsg>,
    join_handle: JoinHandle<()>,
    context: ThreadSafeJSContext,
    closing: Arc<AtomicBool>,
    events: EventsInHand,
}

impl WorkerThread {
    pub(crate) fn new(
        join_handle: JoinHandle<()>,
        control_sender: Sender<ServiceWorkerControlMsg>,
        context: ThreadSafeJSContext,
        closing: Arc<AtomicBool>,
    ) -> Self {
        Self {
            control_sender,
            join_handle,
            context,
            closing,
            events: EventsInHand::default(),
        }
    }

    /// Ends the worker whatever its script does, without waiting for it.
    ///
    /// <https://w3c.github.io/ServiceWorker/#terminate-service-worker>
    fn terminate(&self) {
        self.closing.store(true, Ordering::SeqCst);
        // Fails if the thread has ended by itself: then there is nothing to end.
        let _ = self.control_sender.send(ServiceWorkerControlMsg::Exit);
        self.context.request_interrupt_callback();
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.join_handle.is_finished()
    }

    pub(crate) fn events(&self) -> &EventsInHand {
        &self.events
    }

    pub(crate) fn has_event(&self, event: EventToken) -> bool {
        self.events.contains(event)
    }
}

impl Drop for WorkerThread {
    fn drop(&mut self) {
        self.terminate();
    }
}

/// Whether a microtask checkpoint of these globals is to end although there are microtasks left: those of a service
/// worker that is terminated could add others for ever.
pub(crate) fn is_terminated(globals: &[DomRoot<GlobalScope>]) -> bool {
    globals
        .iter()
        .any(|global| global.is::<ServiceWorkerGlobalScope>() && !global.can_continue_running())
}
