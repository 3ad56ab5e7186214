/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The threads that service workers run in.

use std::cell::Cell;
use std::collections::HashMap;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use background_sync_traits::{EventOutcome, EventToken};
use crossbeam_channel::{Receiver, Sender};
use log::debug;
use parking_lot::Mutex;
use servo_base::generic_channel::GenericSender;
use servo_base::id::{PipelineNamespace, ServiceWorkerId};
use servo_constellation_traits::{
    ServiceWorkerMsg, ServiceWorkerRegistrationInfo, ServiceWorkerScript, WorkerProgress,
};
use servo_url::ServoUrl;
use storage_traits::background_sync::BackgroundSyncMessage;

use crate::dom::backgroundsync::functionalevent::report_outcome;
use crate::dom::bindings::codegen::Bindings::ServiceWorkerBinding::ServiceWorkerState;
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::root::DomRoot;
use crate::dom::globalscope::GlobalScope;
use crate::dom::memory::idlecollection::give_free_memory_back;
use crate::dom::serviceworkerglobalscope::{ServiceWorkerControlMsg, ServiceWorkerGlobalScope};
#[cfg(feature = "offline")]
use crate::dom::serviceworkers::fetchesinhand::FetchesInHand;
use crate::dom::serviceworkers::manager::directevents::DirectWay;
use crate::runtime::script_runtime::ThreadSafeJSContext;

/// How a worker is started.
pub(crate) struct WorkerStart {
    pub(crate) worker_id: ServiceWorkerId,
    /// As it is before the worker has a place in it, if it is new.
    pub(crate) registration: ServiceWorkerRegistrationInfo,
    /// How far the worker has come: one that is yet to be installed is installing.
    pub(crate) state: ServiceWorkerState,
    pub(crate) script: ServiceWorkerScript,
    /// Dropped by the thread when it ends, after everything else.
    pub(crate) thread_end: ThreadEnd,
}

/// The functional events that a worker's thread was given and that are not over.
#[derive(Clone, Default)]
pub(crate) struct EventsInHand(pub(super) Arc<Mutex<InHand>>);

#[derive(Default)]
pub(super) struct InHand {
    /// With those who wait for their outcomes.
    events: HashMap<EventToken, GenericSender<BackgroundSyncMessage>>,
    #[cfg(feature = "offline")]
    pub(super) fetches: FetchesInHand,
    pub(super) direct_way: Option<DirectWay>,
    pub(super) thread_has_ended: bool,
}

impl InHand {
    pub(super) fn add(
        &mut self,
        event: EventToken,
        report_to: &GenericSender<BackgroundSyncMessage>,
    ) {
        self.events.insert(event, report_to.clone());
    }
}

impl EventsInHand {
    /// Returns whether the thread can still be given the event.
    pub(crate) fn insert(
        &self,
        event: EventToken,
        report_to: &GenericSender<BackgroundSyncMessage>,
    ) -> bool {
        let mut in_hand = self.0.lock();
        if !in_hand.thread_has_ended {
            in_hand.add(event, report_to);
        }
        !in_hand.thread_has_ended
    }

    /// Returns whether its outcome is still waited for.
    pub(crate) fn remove(&self, event: EventToken) -> bool {
        self.0.lock().events.remove(&event).is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        let in_hand = self.0.lock();
        #[cfg(feature = "offline")]
        if !in_hand.fetches.is_empty() {
            return false;
        }
        in_hand.events.is_empty()
    }

    /// When the worker has had enough time for an event that has no limit of its own.
    pub(crate) fn limit(&self) -> Option<Instant> {
        #[cfg(feature = "offline")]
        return self.0.lock().fetches.limit();
        #[cfg(not(feature = "offline"))]
        None
    }

    fn contains(&self, event: EventToken) -> bool {
        self.0.lock().events.contains_key(&event)
    }

    fn thread_has_ended(&self) -> bool {
        self.0.lock().thread_has_ended
    }

    /// What the thread has not finished by now, it never will.
    fn end(&self) {
        let events = {
            let mut in_hand = self.0.lock();
            in_hand.thread_has_ended = true;
            in_hand.direct_way = None;
            mem::take(&mut in_hand.events)
        };
        #[cfg(feature = "offline")]
        self.give_up_fetches();
        // Not under the lock: a channel that is full makes this wait.
        for (event, report_to) in events {
            report_outcome(&report_to, event, EventOutcome::WorkerGone);
        }
    }
}

/// What a worker's thread waits for without running its event loop, such as an imported script, in a way that can be ended
/// from outside.
#[derive(Clone, Default)]
pub(crate) struct BlockingWaits(Arc<Mutex<Waits>>);

#[derive(Default)]
struct Waits {
    /// Ends the last wait, by a message that it takes for a failure. Does nothing if it is over.
    end_last: Option<Box<dyn FnOnce() + Send>>,
    are_ended: bool,
}

impl BlockingWaits {
    /// A wait begins. Returns whether it may.
    pub(crate) fn begin(&self, end: impl FnOnce() + Send + 'static) -> bool {
        let mut waits = self.0.lock();
        if !waits.are_ended {
            waits.end_last = Some(Box::new(end));
        }
        !waits.are_ended
    }

    fn end(&self) {
        let mut waits = self.0.lock();
        waits.are_ended = true;
        if let Some(end) = waits.end_last.take() {
            end();
        }
    }
}

/// The steps that a worker whose thread has panicked can't finish. To the manager, each means something only if the
/// worker was at it. Of the events that it was given, it knows none any more.
const UNFINISHED_STEPS: [WorkerProgress; 4] = [
    WorkerProgress::ScriptFailed,
    WorkerProgress::InstallFailed,
    WorkerProgress::Activated,
    WorkerProgress::Idle {
        events_given: u64::MAX,
    },
];

/// Is on the stack of a worker's thread. When that panics, the script engine is not torn down, and whatever its objects
/// hold is never dropped: neither events nor their outcomes.
pub(crate) struct ThreadEnd {
    events: EventsInHand,
    waits: BlockingWaits,
    manager: GenericSender<ServiceWorkerMsg>,
    scope_url: ServoUrl,
    worker_id: ServiceWorkerId,
}

impl ThreadEnd {
    /// Of a thread that is yet to be started.
    pub(crate) fn new(
        manager: GenericSender<ServiceWorkerMsg>,
        scope_url: ServoUrl,
        worker_id: ServiceWorkerId,
    ) -> Self {
        Self {
            events: EventsInHand::default(),
            waits: BlockingWaits::default(),
            manager,
            scope_url,
            worker_id,
        }
    }

    pub(crate) fn events(&self) -> EventsInHand {
        self.events.clone()
    }

    pub(crate) fn waits(&self) -> BlockingWaits {
        self.waits.clone()
    }
}

impl Drop for ThreadEnd {
    fn drop(&mut self) {
        self.events.end();
        // All that the thread had is free now, and the pages that it served may be at rest.
        give_free_memory_back();
        if !thread::panicking() {
            return;
        }
        for progress in UNFINISHED_STEPS {
            let message = ServiceWorkerMsg::WorkerProgress {
                scope_url: self.scope_url.clone(),
                worker_id: self.worker_id,
                progress,
            };
            if self.manager.send(message).is_err() {
                return debug!("The service worker manager is gone: nobody waits for this worker.");
            }
        }
    }
}

/// The thread that a service worker runs in. Dropping it terminates the worker, and does not wait for the thread's end.
pub(crate) struct WorkerThread {
    control_sender: Sender<ServiceWorkerControlMsg>,
    join_handle: JoinHandle<()>,
    /// Has it once the thread has a script engine.
    context: Receiver<ThreadSafeJSContext>,
    closing: Arc<AtomicBool>,
    events: EventsInHand,
    waits: BlockingWaits,
}

impl WorkerThread {
    pub(crate) fn new(
        join_handle: JoinHandle<()>,
        control_sender: Sender<ServiceWorkerControlMsg>,
        context: Receiver<ThreadSafeJSContext>,
        closing: Arc<AtomicBool>,
        events: EventsInHand,
        waits: BlockingWaits,
    ) -> Self {
        Self {
            control_sender,
            join_handle,
            context,
            closing,
            events,
            waits,
        }
    }

    /// Ends the worker whatever its script does, without waiting for it.
    ///
    /// <https://w3c.github.io/ServiceWorker/#terminate-service-worker>
    fn terminate(&self) {
        // It has ended for the next event: that would be lost.
        self.events.close_direct_way();
        self.closing.store(true, Ordering::SeqCst);
        // Fails if the thread has ended by itself: then there is nothing to end.
        let _ = self.control_sender.send(ServiceWorkerControlMsg::Exit);
        // One that has none yet looks whether it is closing before it runs anything.
        if let Ok(context) = self.context.try_recv() {
            context.request_interrupt_callback();
        }
        self.waits.end();
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.join_handle.is_finished() || self.events.thread_has_ended()
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

thread_local! {
    static HAS_NAMESPACE: Cell<bool> = const { Cell::new(false) };
}

/// Gives this thread names for pipelines, once. A service worker's asks for them before it has a script engine: the
/// constellation answers, and no more once the browser ends, which waits for every script engine but for no thread.
pub(crate) fn install_namespace() {
    if !HAS_NAMESPACE.replace(true) {
        PipelineNamespace::auto_install();
    }
}

/// Whether a microtask checkpoint of these globals is to end although there are microtasks left: those of a service
/// worker that is terminated could add others for ever.
pub(crate) fn is_terminated(globals: &[DomRoot<GlobalScope>]) -> bool {
    globals
        .iter()
        .any(|global| global.is::<ServiceWorkerGlobalScope>() && !global.can_continue_running())
}
