/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The threads that service workers run in.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::Sender;
use log::warn;
use servo_base::id::{ServiceWorkerId, ServiceWorkerRegistrationId};
use servo_constellation_traits::ServiceWorkerScript;

use crate::dom::serviceworkerglobalscope::ServiceWorkerControlMsg;
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

/// The thread that a service worker runs in. Dropping it terminates the worker and waits for the thread's end.
pub(crate) struct WorkerThread {
    control_sender: Sender<ServiceWorkerControlMsg>,
    join_handle: Option<JoinHandle<()>>,
    context: ThreadSafeJSContext,
    closing: Arc<AtomicBool>,
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
            join_handle: Some(join_handle),
            context,
            closing,
        }
    }

    /// Ends the worker whatever its script does, without waiting for it.
    ///
    /// <https://w3c.github.io/ServiceWorker/#terminate-service-worker>
    pub(crate) fn terminate(&self) {
        self.closing.store(true, Ordering::SeqCst);
        // Fails if the thread has ended by itself: then there is nothing to end.
        let _ = self.control_sender.send(ServiceWorkerControlMsg::Exit);
        self.context.request_interrupt_callback();
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.join_handle
            .as_ref()
            .is_none_or(|handle| handle.is_finished())
    }
}

impl Drop for WorkerThread {
    fn drop(&mut self) {
        self.terminate();
        if self
            .join_handle
            .take()
            .is_some_and(|handle| handle.join().is_err())
        {
            warn!("A service worker thread ended in a panic.");
        }
    }
}
