//! What is sent to the store, and what its answers mean.

use super::SyncScheduler;
use super::state::{Existence, Purpose, RegKey, Registration, Rollback, TicketUse, Timer, Waiter};
use crate::{
    Answer, DispatchError, EventId, Now, Origin, Output, RegisterError, RegistrationId,
    RegistrationState, RemovalReason, ScopeKey, StoreFault, StoreOp, StoredRegistration,
    SyncNotification, Ticket, UnregisterError, Urgency,
};

impl SyncScheduler {
    /// Makes the attempt of a preparing event durable.
    pub(super) fn store_attempt(&mut self, key: RegKey) {
        self.store(key, Urgency::Now, Vec::new());
    }

    /// Stores the state of a registration; `waiters` are answered when it is durable.
    pub(super) fn store_for(&mut self, key: RegKey, waiter: Waiter) {
        let ticket = self.store(key, Urgency::Now, vec![waiter]);
        if let Some(registration) = self.tables.get_mut(key) {
            registration.ticket = ticket;
        }
    }

    /// Stores the state of a registration some time.
    pub(super) fn store_lazily(&mut self, key: RegKey) {
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        if let Existence::Inserting { stale } = &mut registration.existence {
            // A failed insert must not be undone by this.
            *stale = true;
            return;
        }
        self.store(key, Urgency::Lazy, Vec::new());
    }

    fn store(&mut self, key: RegKey, urgency: Urgency, waiters: Vec<Waiter>) -> Option<Ticket> {
        // What replaces it may still be refused, and must not be stored by this.
        if waiters.is_empty()
            && let Some(rollback) = self.rollbacks.get_mut(&key)
        {
            rollback.stale = true;
            return None;
        }
        let scope = self.tables.scope_key(key)?.clone();
        let registration = self.tables.get(key)?;
        let preparing = match registration.state {
            RegistrationState::Pending => registration.event,
            _ => None,
        };
        let op = StoreOp::Put(record(key.id, scope, registration, preparing.is_some()));
        let rollback = (!waiters.is_empty())
            .then(|| self.rollback_of(key))
            .flatten();
        let purpose = Purpose::Put {
            key,
            event: preparing,
            rollback: rollback.map(Box::new),
        };
        Some(self.submit(op, urgency, TicketUse { purpose, waiters }))
    }

    fn submit(&mut self, op: StoreOp, urgency: Urgency, ticket_use: TicketUse) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket = self.next_ticket.saturating_add(1);
        self.tickets.insert(ticket, ticket_use);
        self.outputs.push_back(Output::Store {
            ticket,
            op,
            urgency,
        });
        ticket
    }

    pub(super) fn remove_record(
        &mut self,
        id: RegistrationId,
        urgency: Urgency,
        waiter: Option<Waiter>,
    ) {
        let ticket_use = TicketUse {
            purpose: Purpose::Remove(id),
            waiters: waiter.into_iter().collect(),
        };
        self.submit(StoreOp::Remove(id), urgency, ticket_use);
    }

    /// Lets `waiter` wait for an operation that is under way. Gives it back if it is not.
    pub(super) fn join(&mut self, ticket: Option<Ticket>, waiter: Waiter) -> Option<Waiter> {
        match ticket.and_then(|ticket| self.tickets.get_mut(&ticket)) {
            Some(ticket_use) => {
                ticket_use.waiters.push(waiter);
                None
            }
            None => Some(waiter),
        }
    }

    /// The registration has ended by itself.
    pub(super) fn remove_lazily(&mut self, key: RegKey) {
        if self.forget(key).is_some() {
            self.remove_record(key.id, Urgency::Lazy, None);
        }
    }

    /// The registration is ended by somebody.
    pub(super) fn remove_for(
        &mut self,
        key: RegKey,
        reason: RemovalReason,
        waiter: Option<Waiter>,
    ) {
        let Some(scope) = self.tables.scope_key(key).cloned() else {
            return;
        };
        let Some(registration) = self.forget(key) else {
            return;
        };
        self.remove_record(key.id, Urgency::Now, waiter);
        self.notify(SyncNotification::Removed {
            api: registration.kind.api(),
            scope,
            tag: registration.tag,
            reason,
        });
    }

    /// Takes a registration out of memory with all that hangs on it. A running event stays, and
    /// with it its slot and its cap.
    fn forget(&mut self, key: RegKey) -> Option<Registration> {
        self.drop_gate(key);
        self.set_due(key, None);
        self.set_interval(key, None);
        self.leave_wake_up(key);
        let event = self.tables.get(key)?.event;
        let registration = self.tables.remove(key)?;
        self.rollbacks.remove(&key);
        self.answer_dispatch_requests(key, &Err(DispatchError::NotRegistered));
        if registration.state == RegistrationState::Pending
            && let Some(event) = event
        {
            self.cancel_event(event);
        }
        Some(registration)
    }

    pub(super) fn stored(&mut self, now: Now, ticket: Ticket, result: Result<(), StoreFault>) {
        let Some(TicketUse { purpose, waiters }) = self.tickets.remove(&ticket) else {
            return;
        };
        let key = match purpose {
            Purpose::Put { key, .. } => Some(key),
            Purpose::Remove(_) | Purpose::Origin(_) => None,
        };
        match (purpose, &result) {
            (
                Purpose::Put {
                    key,
                    event,
                    rollback,
                },
                Ok(()),
            ) => {
                self.put_succeeded(now, ticket, key, event, rollback);
            }
            (Purpose::Put { key, event, .. }, Err(fault)) => {
                self.put_failed(now, ticket, key, event, fault);
            }
            (Purpose::Remove(_) | Purpose::Origin(_), Ok(())) => {}
            (Purpose::Remove(id), Err(_)) => {
                self.retry_later(now);
                self.removals_to_retry.insert(id);
            }
            (Purpose::Origin(origin), Err(_)) => {
                self.retry_later(now);
                self.wake_ups.origins_to_retry.insert(origin);
            }
        }
        for waiter in waiters {
            match waiter {
                Waiter::GetTags { call, api, scope } => self.answer_tags(call, api, &scope),
                Waiter::Unregister { call } => {
                    let problem = |fault: &StoreFault| UnregisterError::Storage {
                        problem: fault.problem,
                    };
                    let result = result.as_ref().copied().map_err(problem);
                    self.answer(call, Answer::Unregistered(result));
                }
                Waiter::Removal { call } => self.removal_done(call, result.clone().err()),
                Waiter::Register { call, duplicate } => match &result {
                    Ok(()) => self.answer_registered(now, call, key, duplicate),
                    Err(fault) => {
                        self.drop_from_gate(now, call);
                        let problem = fault.problem;
                        let error = RegisterError::Storage { problem };
                        self.answer(call, Answer::Registered(Err(error)));
                    }
                },
            }
        }
    }

    /// What the store could not do is tried again.
    fn retry_later(&mut self, now: Now) {
        if self.removals_to_retry.is_empty() && self.wake_ups.origins_to_retry.is_empty() {
            let at = now.mono.after_ms(self.policy.local_fault_delay_ms);
            self.timers.insert((at, Timer::Removals));
        }
    }

    fn put_succeeded(
        &mut self,
        now: Now,
        ticket: Ticket,
        key: RegKey,
        event: Option<EventId>,
        rollback: Option<Box<Rollback>>,
    ) {
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        let existence = std::mem::replace(&mut registration.existence, Existence::Durable);
        let mut stale = existence == (Existence::Inserting { stale: true });
        // A newer operation may have taken over the event.
        let mut current = registration.ticket.is_none();
        if registration.ticket == Some(ticket) {
            registration.ticket = None;
            current = true;
            stale |= self
                .rollbacks
                .remove(&key)
                .is_some_and(|rollback| rollback.stale);
        } else if let Some(rollback) = rollback {
            self.replace_rollback(key, *rollback);
        }
        self.refresh(key);
        if stale {
            self.store_what_is_stale(key, event);
        }
        if let Some(event) = event
            && current
        {
            self.attempt_is_durable(now, event);
        }
    }

    /// What changed while the store was busy with a registration; `event`: whose attempt it has.
    fn store_what_is_stale(&mut self, key: RegKey, event: Option<EventId>) {
        let Some(registration) = self.tables.get(key) else {
            return;
        };
        if registration.event.is_some() && registration.event != event {
            self.store_attempt(key);
        } else {
            self.store_lazily(key);
        }
    }

    fn put_failed(
        &mut self,
        now: Now,
        ticket: Ticket,
        key: RegKey,
        event: Option<EventId>,
        fault: &StoreFault,
    ) {
        let Some(scope) = self.tables.scope_key(key).cloned() else {
            return;
        };
        let Some(registration) = self.tables.get_mut(key) else {
            return;
        };
        let newest = registration.ticket == Some(ticket);
        if newest {
            registration.ticket = None;
            // The call that registered it again is refused; of what can be replaced, `roll_back` knows
            // whether one before it was not.
            if !self.rollbacks.contains_key(&key)
                && registration.state == RegistrationState::ReregisteredWhileFiring
            {
                registration.state = RegistrationState::Firing;
            }
        }
        let tag = registration.tag.clone();
        let api = registration.kind.api();
        // If a newer operation is under way, that one decides.
        let inserting = !registration.is_durable() && (newest || registration.ticket.is_none());
        self.notify(SyncNotification::StorageFailed {
            api,
            scope,
            tag,
            fault: fault.clone(),
        });
        if newest && !inserting {
            self.roll_back(now, key);
        }
        if inserting {
            self.forget(key);
        } else if let Some(event) = event
            && self.preparing().contains(&event)
        {
            self.defer(now, event);
        }
    }

    /// The store could not remove these before.
    pub(super) fn retry_removals(&mut self) {
        for id in std::mem::take(&mut self.removals_to_retry) {
            self.remove_record(id, Urgency::Now, None);
        }
        for origin in std::mem::take(&mut self.wake_ups.origins_to_retry) {
            self.store_origin(&origin, Urgency::Now);
        }
    }

    /// Stores what is to be kept about an origin, or that nothing is.
    pub(super) fn store_origin(&mut self, origin: &Origin, urgency: Urgency) {
        let op = match self.stored_origin(origin) {
            Some(stored) => StoreOp::PutOrigin(stored),
            None => StoreOp::RemoveOrigin(origin.clone()),
        };
        let ticket_use = TicketUse {
            purpose: Purpose::Origin(origin.clone()),
            waiters: Vec::new(),
        };
        self.submit(op, urgency, ticket_use);
    }
}

/// How a registration is stored; `preparing`: with the attempt that is about to start.
fn record(
    id: RegistrationId,
    scope: ScopeKey,
    registration: &Registration,
    preparing: bool,
) -> StoredRegistration {
    let state = if preparing {
        RegistrationState::Firing
    } else {
        registration.state
    };
    StoredRegistration {
        id,
        scope,
        kind: registration.kind.stored(),
        tag: registration.tag.clone(),
        state,
        attempts: registration.attempts.saturating_add(u32::from(preparing)),
        interruptions: registration.interruptions,
        registered_at: registration.registered_at,
        retry_at: match state {
            RegistrationState::Waiting => registration.due.map(|due| due.at_wall),
            _ => None,
        },
    }
}
