//! What clients and workers send. None of it is believed.

use std::fmt::Display;

use background_sync_core::{EventOutcome, Now};
use background_sync_traits::{
    DispatchedEvent, EventToken, ScopeKey, SyncClient, SyncEventKind, SyncManagerMessage,
    WorkerAuthority,
};

use crate::control::Change;
use crate::edge::delivery::ConnectionKey;
use crate::limits::{
    MAX_AUTHORITIES_LATER, MAX_WAITING_MESSAGES, Misbehaviour, Refusal, is_scope_of_origin,
};
use crate::manager::Manager;

impl<C: SyncClient> Manager<C> {
    /// Nobody will see the promises of this client: they hold nothing back.
    pub(crate) fn handle_client_gone(&mut self, now: Now, key: ConnectionKey) {
        for call in self.clients.client_gone(key) {
            self.scheduler.handle_acknowledged(now, call);
        }
        self.carry_out(now);
    }

    /// `behind` is the number of messages behind this one.
    pub(crate) fn handle_message<E: Display>(
        &mut self,
        now: Now,
        message: Result<SyncManagerMessage<C>, E>,
        behind: usize,
    ) {
        let message = match message {
            Ok(message) => message,
            Err(error) => {
                self.misbehaviour
                    .warn(now.mono, &format!("a message that is none: {error}"));
                return;
            }
        };
        let obeyed = match behind > MAX_WAITING_MESSAGES {
            true => self.obey_when_overloaded(now, message),
            false => {
                self.give_authorities(now);
                self.obey(now, message)
            }
        };
        if let Err(Refusal { why, acknowledged }) = obeyed {
            self.misbehaviour.warn(now.mono, &why.to_string());
            for call in acknowledged {
                self.scheduler.handle_acknowledged(now, call);
            }
        }
    }

    /// Only what makes less of what waits.
    fn obey_when_overloaded(
        &mut self,
        now: Now,
        message: SyncManagerMessage<C>,
    ) -> Result<(), Refusal> {
        let why = Misbehaviour::Overloaded;
        match message {
            SyncManagerMessage::Connect { .. } => Err(why.into()),
            SyncManagerMessage::Request {
                connection,
                call,
                request,
            } => Err(self.clients.refuse_call(connection, call, &request, why)),
            // It is long. What it replaces must not come back after a restart.
            SyncManagerMessage::StoreWorker {
                authority, scope, ..
            } => {
                self.obey(now, SyncManagerMessage::ForgetWorker { authority, scope })?;
                Err(why.into())
            }
            // Answered when less waits: whoever runs workers asks once.
            SyncManagerMessage::RequestAuthority { scope } => {
                if self.authority_later.len() >= MAX_AUTHORITIES_LATER {
                    return Err(why.into());
                }
                let known = |other: &ScopeKey| other.origin == scope.origin;
                if !self.authority_later.iter().any(known) {
                    self.authority_later.push(scope);
                }
                Ok(())
            }
            message => self.obey(now, message),
        }
    }

    /// While not too much waits.
    pub(crate) fn give_authorities(&mut self, now: Now) {
        for scope in std::mem::take(&mut self.authority_later) {
            if let Err(why) = self.give_authority(scope) {
                self.misbehaviour.warn(now.mono, &why.to_string());
            }
        }
    }

    fn obey(&mut self, now: Now, message: SyncManagerMessage<C>) -> Result<(), Refusal> {
        match message {
            SyncManagerMessage::Connect {
                connection,
                scope,
                client,
            } => {
                self.clients.connect(connection, scope, client)?;
            }
            SyncManagerMessage::Request {
                connection,
                call,
                request,
            } => {
                let call = self.clients.open_call(connection, call, request)?;
                let is_refused = match self.need_store(now) {
                    Ok(()) => false,
                    Err(fault) => self.refuse_for_storage(now, call, fault),
                };
                if !is_refused {
                    self.start_call(now, call);
                }
            }
            SyncManagerMessage::Acknowledge { connection, call } => {
                if let Some(call) = self.clients.acknowledge(connection, call)? {
                    self.scheduler.handle_acknowledged(now, call);
                }
            }
            SyncManagerMessage::Disconnect { connection } => {
                for call in self.clients.disconnect(connection)? {
                    self.scheduler.handle_acknowledged(now, call);
                }
            }
            SyncManagerMessage::EventFinished { event, outcome } => {
                self.finish_event(now, event, outcome);
            }
            SyncManagerMessage::RequestAuthority { scope } => self.give_authority(scope)?,
            SyncManagerMessage::WorkerActivated { authority, scope } => {
                self.check_authority(authority, &scope)?;
                self.unregistered.remove(&scope);
                self.scheduler.handle_worker_activated(now, &scope);
            }
            SyncManagerMessage::StoreWorker {
                authority,
                scope,
                worker,
            } => {
                self.check_authority(authority, &scope)?;
                self.unregistered.remove(&scope);
                self.workers.put(scope, worker);
            }
            SyncManagerMessage::ReviveWorker { scope } => self.workers.revive(&scope),
            SyncManagerMessage::ForgetWorker { authority, scope } => {
                self.check_authority(authority, &scope)?;
                self.workers.remove(scope);
            }
            SyncManagerMessage::WorkerUnregistered { authority, scope } => {
                self.check_authority(authority, &scope)?;
                self.unregistered.insert(&scope);
                self.workers.remove(scope.clone());
                let change = Change::WorkerUnregistered(scope);
                match self.need_store(now) {
                    Ok(()) => self.change(now, change),
                    Err(fault) => self.defer(change, fault),
                }
            }
        }
        Ok(())
    }

    /// Unknown: it was terminated before, or it is made up.
    fn finish_event(&mut self, now: Now, event: EventToken, outcome: EventOutcome) {
        let Some((event, scope)) = self.events.finish(event) else {
            return;
        };
        if outcome == EventOutcome::NotStarted {
            self.workers.revive(&scope);
        }
        let outcome = match outcome {
            // Only the manager says so.
            EventOutcome::TimedOut => EventOutcome::Rejected,
            other => other,
        };
        self.finish_event_durably(now, (event, outcome), &scope);
    }

    /// The engine brings it to whoever runs the workers of this origin, wherever the request came from.
    pub(crate) fn give_authority(&self, scope: ScopeKey) -> Result<(), Misbehaviour> {
        if !is_scope_of_origin(&scope) {
            return Err(Misbehaviour::ScopeNotOfOrigin);
        }
        let authority = self.issuer.authority_of(&scope.origin);
        self.engine.dispatch(DispatchedEvent {
            event: EventToken::new(),
            scope,
            kind: SyncEventKind::Authority(authority),
        });
        Ok(())
    }

    /// Only who runs the workers of an origin speaks for them.
    fn check_authority(
        &self,
        authority: WorkerAuthority,
        scope: &ScopeKey,
    ) -> Result<(), Misbehaviour> {
        if !is_scope_of_origin(scope) {
            Err(Misbehaviour::ScopeNotOfOrigin)
        } else if authority != self.issuer.authority_of(&scope.origin) {
            Err(Misbehaviour::NoAuthority)
        } else {
            Ok(())
        }
    }
}
