//! What happens when the network comes or goes.

use std::collections::BTreeSet;

use super::SyncScheduler;
use super::state::{Due, Purpose, RegKey, Timer};
use crate::{Connectivity, Now, RegistrationState, SyncNotification};

impl SyncScheduler {
    /// [Whenever the user agent changes to online](https://wicg.github.io/background-sync/spec/#sync-event):
    /// what is pending fires. Beyond that, by policy, retries are brought forward.
    pub(super) fn change_connectivity(&mut self, now: Now, connectivity: Connectivity) {
        if connectivity == self.connectivity {
            return;
        }
        self.connectivity = connectivity;
        self.notify_connectivity();
        match connectivity {
            // What is not dispatched yet waits again; what runs goes on.
            Connectivity::Offline => {
                for event in self.preparing() {
                    let key = self.events.get(&event).map(|event| event.key);
                    if !key.is_some_and(|key| self.is_requested(key)) {
                        self.cancel_event(event);
                    }
                }
                self.end_wake_up();
            }
            Connectivity::Online => {
                self.spread_first_attempts(now);
                self.allow_wake_ups(now);
                self.doubt_clock(now);
                if self.policy.reconnect_brings_retries_forward {
                    self.bring_retries_forward(now);
                }
            }
        }
    }

    fn notify_connectivity(&mut self) {
        let (pending, waiting) = self.count_pending_and_waiting();
        debug_assert_eq!((pending, waiting), self.count_each());
        let connectivity = self.connectivity;
        self.notify(SyncNotification::ConnectivityChanged {
            connectivity,
            pending,
            waiting,
        });
    }

    /// Registrations that are pending, and those that wait for a retry. What is ready is known by its number, so that
    /// thousands are not looked at while their first event waits.
    fn count_pending_and_waiting(&self) -> (u64, u64) {
        let with_timer = self.timers.iter().filter_map(|&(_, timer)| match timer {
            Timer::Due(key) => Some(key),
            _ => None,
        });
        let being_stored =
            self.tickets
                .values()
                .filter_map(|ticket_use| match ticket_use.purpose {
                    Purpose::Put { key, .. } => Some(key),
                    Purpose::Remove(_) | Purpose::Origin(_) => None,
                });
        let with_event = self.events.values().map(|event| event.key);
        let held_back = self.unacknowledged.values().copied();
        let others: BTreeSet<RegKey> = with_timer
            .chain(being_stored)
            .chain(with_event)
            .chain(held_back)
            .chain(self.tables.parked())
            .filter(|&key| !self.tables.is_ready(key))
            .collect();
        let (mut pending, mut waiting) = (self.tables.count_ready(), 0);
        for registration in others.into_iter().filter_map(|key| self.tables.get(key)) {
            pending += u64::from(registration.is_pending());
            waiting += u64::from(registration.waits_for_retry());
        }
        (pending, waiting)
    }

    /// The same, slowly.
    fn count_each(&self) -> (u64, u64) {
        let (mut pending, mut waiting) = (0, 0);
        for (_, registration) in self.tables.iter() {
            pending += u64::from(registration.is_pending());
            waiting += u64::from(registration.waits_for_retry());
        }
        (pending, waiting)
    }

    /// Devices that come online together must not all call their server at once.
    pub(super) fn spread_first_attempts(&mut self, now: Now) {
        let spread_ms = self.policy.reconnect_first_attempt_spread_ms;
        if spread_ms == 0 {
            return;
        }
        for key in self.tables.all_ready() {
            let ms = self.rng.up_to(spread_ms);
            self.wait_until(now, key, ms);
        }
    }

    fn bring_retries_forward(&mut self, now: Now) {
        let due_keys: Vec<RegKey> = self
            .timers
            .iter()
            .filter_map(|&(_, timer)| match timer {
                Timer::Due(key) => Some(key),
                _ => None,
            })
            .collect();
        for key in due_keys {
            let Some(registration) = self.tables.get(key) else {
                continue;
            };
            let Some(due) = registration.due else {
                continue;
            };
            // Without an attempt there is nothing to try again: its first one was asked for later.
            if registration.state != RegistrationState::Waiting || registration.attempts == 0 {
                continue;
            }
            let percent = u64::from(self.policy.reconnect_least_delay_percent.min(100));
            let least_ms = due.at.ms_since(due.since) / 100 * percent;
            // A network that comes and goes does not speed up a chain.
            let chain_ms = self.policy.chain_delay_ms(registration.depth.get());
            let least_ms = least_ms.max(chain_ms);
            let least = due.since.after_ms(least_ms).max(now.mono);
            let at = least.after_ms(self.rng.up_to(self.policy.reconnect_retry_spread_ms));
            if at < due.at {
                self.set_due(key, Some(Due { at, ..due }));
            }
        }
    }
}
