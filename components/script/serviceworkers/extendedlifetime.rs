/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The extended lifetime of an `ExtendableEvent`: what `waitUntil()` adds to it, and who is told when it is over.
//!
//! <https://w3c.github.io/ServiceWorker/#extendableevent-interface>

use std::cell::Cell;

use background_sync_traits::EventOutcome;
use js::realm::CurrentRealm;
use js::rust::HandleValue;
use script_bindings::cell::DomRefCell;
use servo_constellation_traits::WorkerProgress;
use stylo_atoms::Atom;

use crate::dom::backgroundsync::functionalevent::PendingOutcome;
use crate::dom::bindings::codegen::Bindings::EventBinding::EventMethods;
use crate::dom::bindings::codegen::Bindings::ServiceWorkerBinding::ServiceWorkerState;
use crate::dom::bindings::error::{Error, ErrorResult};
use crate::dom::bindings::inheritance::Castable;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::{Dom, DomRoot};
use crate::dom::console::{Console, stringify_handle_value};
use crate::dom::event::Event;
use crate::dom::extendableevent::ExtendableEvent;
use crate::dom::globalscope::GlobalScope;
use crate::dom::promise::Promise;
use crate::dom::promisenativehandler::{Callback, PromiseNativeHandler};
use crate::dom::serviceworkerglobalscope::ServiceWorkerGlobalScope;
#[cfg(feature = "offline")]
use crate::dom::serviceworkers::fetchanswer::OwedAnswer;

// A worker has a thread of its own.
thread_local! {
    /// Of all its events, also of those that nobody waits for.
    static PENDING_PROMISES: Cell<u32> = const { Cell::new(0) };
}

/// What the worker does once an event is over.
#[derive(JSTraceable, MallocSizeOf)]
pub(crate) enum OnSettled {
    /// Ends the installation of this worker.
    Install,
    /// Ends the activation of this worker.
    Activate,
    /// Reports how a functional event ended.
    Report(
        #[no_trace]
        #[ignore_malloc_size_of = "channels"]
        PendingOutcome,
    ),
    /// Ends a `fetch` event: the worker may be stopped again.
    #[cfg(feature = "offline")]
    Fetch(
        #[no_trace]
        #[ignore_malloc_size_of = "Arc"]
        std::sync::Arc<OwedAnswer>,
    ),
    /// Nobody waits for it, but the worker goes on.
    #[cfg(feature = "offline")]
    Nothing,
}

/// The state behind [`ExtendableEvent`]. The
/// [active flag](https://w3c.github.io/ServiceWorker/#extendableevent-active) is not stored: an event is active while
/// it is being dispatched or has pending promises.
#[derive(JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
pub(crate) struct ExtendedLifetime {
    /// <https://w3c.github.io/ServiceWorker/#extendableevent-pending-promises-count>
    pending_promises: Cell<u32>,
    /// Whether an extended lifetime promise was rejected.
    rejected: Cell<bool>,
    /// Taken when the event is over. `None` for events that nobody waits for.
    on_settled: DomRefCell<Option<OnSettled>>,
}

impl ExtendedLifetime {
    pub(crate) fn new() -> Self {
        Self {
            pending_promises: Cell::new(0),
            rejected: Cell::new(false),
            on_settled: DomRefCell::new(None),
        }
    }
}

impl ExtendableEvent {
    /// Fires this event at `worker` and has `on_settled` done once the event and all its extended lifetime promises are
    /// over, which can be before this returns.
    pub(crate) fn fire_extendable(
        &self,
        cx: &mut CurrentRealm,
        worker: &ServiceWorkerGlobalScope,
        on_settled: OnSettled,
    ) {
        *self.lifetime().on_settled.borrow_mut() = Some(on_settled);
        // A promise that nobody else refers to must not take its event with it when it is collected.
        worker.note_extended_event(self);
        self.upcast::<Event>().fire(cx, worker.upcast());
        self.settle_if_over(cx);
    }

    /// <https://w3c.github.io/ServiceWorker/#extendableevent-add-lifetime-promise>
    pub(crate) fn add_lifetime_promise(
        &self,
        cx: &mut CurrentRealm,
        value: HandleValue,
    ) -> ErrorResult {
        // Step 1: only events that the user agent fired can be extended.
        if !self.upcast::<Event>().IsTrusted() {
            return Err(Error::InvalidState(Some(
                "waitUntil() needs an event that was fired by the browser".to_owned(),
            )));
        }
        // Step 2: the event must be active.
        let lifetime = self.lifetime();
        let pending = lifetime.pending_promises.get();
        if pending == 0 && !self.upcast::<Event>().dispatching() {
            return Err(Error::InvalidState(Some(
                "waitUntil() was called after the event was over".to_owned(),
            )));
        }
        // Steps 3 and 4: one more promise is pending.
        lifetime.pending_promises.set(pending + 1);
        PENDING_PROMISES.set(PENDING_PROMISES.get() + 1);
        // Step 5: count it off, one microtask after it has settled.
        let global = self.global();
        let promise = Promise::resolve_or_wrap_promise(cx, value, &global);
        let handler = PromiseNativeHandler::new(
            cx,
            &global,
            Some(Box::new(PromiseSettled::new(self, Settlement::Fulfilled))),
            Some(Box::new(PromiseSettled::new(self, Settlement::Rejected))),
        );
        promise.append_native_handler(cx, &handler);
        Ok(())
    }

    /// Nobody else would be told why a worker was not installed, or not activated properly.
    fn report_rejection(&self, cx: &mut CurrentRealm, reason: HandleValue) {
        let consequence = match &*self.lifetime().on_settled.borrow() {
            Some(OnSettled::Install) => "is not installed: its install event failed",
            Some(OnSettled::Activate) => "is activated although its activate event failed",
            _ => return,
        };
        let global = self.global();
        let reason = stringify_handle_value(cx, reason);
        let script = global.get_url();
        let message = format!("The service worker {script} {consequence}: {reason}");
        Console::internal_error(cx, &global, message);
    }

    fn count_off_promise(&self, cx: &mut CurrentRealm) {
        let lifetime = self.lifetime();
        debug_assert!(lifetime.pending_promises.get() > 0);
        lifetime
            .pending_promises
            .set(lifetime.pending_promises.get().saturating_sub(1));
        PENDING_PROMISES.set(PENDING_PROMISES.get().saturating_sub(1));
        self.settle_if_over(cx);
        // Of a message: nobody else waits for that.
        self.worker().report_if_idle();
    }

    fn settle_if_over(&self, cx: &mut CurrentRealm) {
        let lifetime = self.lifetime();
        if lifetime.pending_promises.get() > 0 || self.upcast::<Event>().dispatching() {
            return;
        }
        let Some(on_settled) = lifetime.on_settled.borrow_mut().take() else {
            return;
        };
        let worker = self.worker();
        worker.forget_extended_event(self);
        worker.extendable_event_settled(cx, on_settled, !lifetime.rejected.get());
    }

    fn worker(&self) -> DomRoot<ServiceWorkerGlobalScope> {
        DomRoot::downcast(self.global()).expect("extendable events exist in service workers only")
    }
}

/// How an extended lifetime promise ended.
#[derive(Clone, Copy, JSTraceable, MallocSizeOf, PartialEq)]
enum Settlement {
    Fulfilled,
    Rejected,
    /// A microtask has passed since it did.
    CountOff,
}

#[derive(JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
struct PromiseSettled {
    event: Dom<ExtendableEvent>,
    settlement: Settlement,
}

impl PromiseSettled {
    fn new(event: &ExtendableEvent, settlement: Settlement) -> Self {
        Self {
            event: Dom::from_ref(event),
            settlement,
        }
    }
}

impl Callback for PromiseSettled {
    fn callback(&self, cx: &mut CurrentRealm, value: HandleValue) {
        let event = DomRoot::from_ref(&*self.event);
        match self.settlement {
            Settlement::CountOff => event.count_off_promise(cx),
            settlement => {
                if settlement == Settlement::Rejected {
                    event.lifetime().rejected.set(true);
                    event.report_rejection(cx, value);
                }
                // A reaction to an already resolved promise runs one microtask later, so that a handler of the same
                // promise may still call waitUntil().
                let global = GlobalScope::from_current_realm(cx);
                let resolved = Promise::new_resolved(cx, &global, ());
                let count_off: Box<dyn Callback> =
                    Box::new(PromiseSettled::new(&event, Settlement::CountOff));
                let handler = PromiseNativeHandler::new(cx, &global, Some(count_off), None);
                resolved.append_native_handler(cx, &handler);
            }
        }
    }
}

impl ServiceWorkerGlobalScope {
    /// Fires `install` or `activate`.
    pub(crate) fn fire_life_cycle_event(&self, cx: &mut CurrentRealm, on_settled: OnSettled) {
        let name = match on_settled {
            OnSettled::Install => {
                self.set_own_state(cx, ServiceWorkerState::Installing);
                self.update_found(cx);
                "install"
            }
            OnSettled::Activate => {
                self.set_own_state(cx, ServiceWorkerState::Activating);
                "activate"
            }
            _ => unreachable!("functional events have their own classes"),
        };
        let event = ExtendableEvent::new(cx, self, Atom::from(name), false, false);
        event.fire_extendable(cx, self, on_settled);
    }

    fn note_extended_event(&self, event: &ExtendableEvent) {
        self.extended_events()
            .borrow_mut()
            .push(Dom::from_ref(event));
    }

    /// Whether no event that is waited for is left, nor a promise of one that is not.
    fn is_idle(&self) -> bool {
        self.extended_events().borrow().is_empty() && PENDING_PROMISES.get() == 0
    }

    fn forget_extended_event(&self, event: &ExtendableEvent) {
        self.extended_events()
            .borrow_mut()
            .retain(|other| &**other != event);
        self.report_if_idle();
    }

    /// The manager wants to know when no event is left. `events_given` says which ones it knows of.
    pub(crate) fn report_idle(&self, events_given: u64) {
        self.idle_question().set(Some(events_given));
        self.report_if_idle();
    }

    fn report_if_idle(&self) {
        if self.is_idle()
            && let Some(events_given) = self.idle_question().take()
        {
            self.report_progress(WorkerProgress::Idle { events_given });
        }
    }

    fn extendable_event_settled(
        &self,
        cx: &mut CurrentRealm,
        on_settled: OnSettled,
        fulfilled: bool,
    ) {
        match on_settled {
            OnSettled::Install if fulfilled => {
                self.set_own_state(cx, ServiceWorkerState::Installed);
                self.report_progress(WorkerProgress::Installed);
            }
            OnSettled::Install => {
                self.set_own_state(cx, ServiceWorkerState::Redundant);
                self.report_progress(WorkerProgress::InstallFailed);
            }
            OnSettled::Activate => {
                self.set_own_state(cx, ServiceWorkerState::Activated);
                self.report_progress(WorkerProgress::Activated);
            }
            OnSettled::Report(outcome) => outcome.report(if fulfilled {
                EventOutcome::Fulfilled
            } else {
                EventOutcome::Rejected
            }),
            #[cfg(feature = "offline")]
            OnSettled::Fetch(_) | OnSettled::Nothing => {}
        }
    }
}
