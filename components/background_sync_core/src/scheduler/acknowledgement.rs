//! The order between a resolved promise and its event: the event does not fire before the page has said that the promise
//! is resolved, or has gone.

use super::SyncScheduler;
use super::state::{Gate, GatedCall, RegKey, Timer};
use crate::{Call, Now};

impl SyncScheduler {
    /// No event for this registration before the promise of `call` is resolved.
    pub(super) fn hold_back(&mut self, key: RegKey, call: Call) {
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        registration
            .gate
            .get_or_insert_with(Box::<Gate>::default)
            .calls
            .push(GatedCall {
                call,
                deadline: None,
            });
        self.unacknowledged.insert(call, key);
        self.refresh(key);
    }

    pub(super) fn acknowledge(&mut self, now: Now, call: Call) {
        self.drop_from_gate(now, call);
    }

    pub(super) fn drop_from_gate(&mut self, now: Now, call: Call) {
        let Some(key) = self.unacknowledged.remove(&call) else {
            return;
        };
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        let Some(gate) = &mut registration.gate else {
            return;
        };
        gate.calls.retain(|gated| gated.call != call);
        if gate.calls.is_empty() {
            self.open_gate(now, key);
        } else {
            self.watch_gate(key);
        }
    }

    /// Keeps the gate's deadline and its timer in step with its calls.
    pub(super) fn watch_gate(&mut self, key: RegKey) {
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        let Some(gate) = &mut registration.gate else {
            return;
        };
        let deadline = gate.calls.iter().filter_map(|gated| gated.deadline).min();
        let old = std::mem::replace(&mut gate.deadline, deadline);
        if let Some(old) = old {
            self.timers.remove(&(old, Timer::Gate(key)));
        }
        if let Some(deadline) = deadline {
            self.timers.insert((deadline, Timer::Gate(key)));
        }
    }

    /// These promises have been waited for long enough.
    pub(super) fn gate_due(&mut self, now: Now, key: RegKey) {
        let gate = self
            .tables
            .get(key)
            .and_then(|registration| registration.gate.as_ref());
        let Some(gate) = gate else { return };
        let is_due = |gated: &&GatedCall| gated.deadline.is_some_and(|at| at <= now.mono);
        let due: Vec<Call> = gate
            .calls
            .iter()
            .filter(is_due)
            .map(|gated| gated.call)
            .collect();
        for call in due {
            self.drop_from_gate(now, call);
        }
    }

    /// Nothing holds the registration's event back any more.
    fn open_gate(&mut self, now: Now, key: RegKey) {
        self.drop_gate(key);
        self.refresh(key);
        if let Some(event) = self
            .tables
            .get(key)
            .and_then(|registration| registration.event)
        {
            self.try_to_fire(now, event);
        }
    }

    pub(super) fn drop_gate(&mut self, key: RegKey) {
        let gate = self
            .tables
            .get_mut(key)
            .and_then(|registration| registration.gate.take());
        let Some(gate) = gate else { return };
        if let Some(deadline) = gate.deadline {
            self.timers.remove(&(deadline, Timer::Gate(key)));
        }
        for gated in &gate.calls {
            self.unacknowledged.remove(&gated.call);
        }
    }
}
