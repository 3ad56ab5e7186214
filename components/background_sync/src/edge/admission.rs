//! Checks each message of clients and workers. None of them is trusted; what this module lets through is.

use std::fmt::Display;

use background_sync_core::{Call, EventOutcome, MonoTime, StoredWorker};
use background_sync_traits::{
    AuthorityIssuer, DispatchedEvent, EventToken, ScopeKey, SyncClient, SyncEventKind,
    SyncManagerMessage, WorkerAuthority,
};

use super::clients::Clients;
use super::limits::{
    MAX_AUTHORITIES_LATER, MAX_WAITING_MESSAGES, Misbehaviour, Refusal, is_scope_of_origin,
};

/// A message that may have an effect.
pub(crate) enum Admitted {
    /// These promises count as resolved; often there are none.
    Resolved(Vec<Call>),
    /// A call is to be done.
    Call(Call),
    EventFinished(EventToken, EventOutcome),
    /// Whoever runs the workers of an origin is to be given the authority over them.
    Authority(DispatchedEvent),
    WorkerActivated(ScopeKey),
    /// Boxed: it is the longest by far, and the rarest.
    StoreWorker(ScopeKey, Box<StoredWorker>),
    ReviveWorker(ScopeKey),
    ForgetWorker(ScopeKey),
    WorkerUnregistered(ScopeKey),
}

/// Decides what a message may do.
pub(crate) struct Admission {
    issuer: AuthorityIssuer,
    /// Asked for while too much waits.
    authority_later: Vec<ScopeKey>,
    misbehaviour: MisbehaviourLog,
}

impl Admission {
    pub fn new() -> Self {
        Self {
            issuer: AuthorityIssuer::new(),
            authority_later: Vec::new(),
            misbehaviour: MisbehaviourLog::default(),
        }
    }

    /// `behind` is the number of messages behind this one.
    pub fn admit<C: SyncClient, E: Display>(
        &mut self,
        now: MonoTime,
        message: Result<SyncManagerMessage<C>, E>,
        behind: usize,
        clients: &mut Clients<C>,
    ) -> Admitted {
        let admitted = match message {
            Ok(message) if is_too_much(behind) => self.admit_little(now, message, clients),
            Ok(message) => self.admit_usual(message, clients),
            Err(error) => {
                self.misbehaviour
                    .warn(now, &format!("a message that is none: {error}"));
                return Admitted::Resolved(Vec::new());
            }
        };
        admitted.unwrap_or_else(|Refusal { why, acknowledged }| {
            self.misbehaviour.warn(now, &why.to_string());
            Admitted::Resolved(acknowledged)
        })
    }

    /// Only what makes less of what waits.
    fn admit_little<C: SyncClient>(
        &mut self,
        now: MonoTime,
        message: SyncManagerMessage<C>,
        clients: &mut Clients<C>,
    ) -> Result<Admitted, Refusal> {
        let why = Misbehaviour::Overloaded;
        match message {
            SyncManagerMessage::Connect { .. } => Err(why.into()),
            SyncManagerMessage::Request {
                connection,
                call,
                request,
            } => Err(clients.refuse_call(connection, call, &request, why)),
            // It is long. What it replaces must not come back after a restart.
            SyncManagerMessage::StoreWorker {
                authority, scope, ..
            } => {
                let scope = self.checked(authority, scope)?;
                self.misbehaviour.warn(now, &why.to_string());
                Ok(Admitted::ForgetWorker(scope))
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
                Ok(Admitted::Resolved(Vec::new()))
            }
            message => self.admit_usual(message, clients),
        }
    }

    fn admit_usual<C: SyncClient>(
        &mut self,
        message: SyncManagerMessage<C>,
        clients: &mut Clients<C>,
    ) -> Result<Admitted, Refusal> {
        Ok(match message {
            SyncManagerMessage::Connect {
                connection,
                scope,
                client,
            } => {
                clients.connect(connection, scope, client)?;
                Admitted::Resolved(Vec::new())
            }
            SyncManagerMessage::Request {
                connection,
                call,
                request,
            } => Admitted::Call(clients.open_call(connection, call, request)?),
            SyncManagerMessage::Acknowledge { connection, call } => {
                let resolved = clients.acknowledge(connection, call)?;
                Admitted::Resolved(resolved.into_iter().collect())
            }
            SyncManagerMessage::Disconnect { connection } => {
                Admitted::Resolved(clients.disconnect(connection)?)
            }
            SyncManagerMessage::EventFinished { event, outcome } => {
                Admitted::EventFinished(event, outcome)
            }
            SyncManagerMessage::RequestAuthority { scope } => {
                Admitted::Authority(self.authority_over(scope)?)
            }
            SyncManagerMessage::WorkerActivated { authority, scope } => {
                Admitted::WorkerActivated(self.checked(authority, scope)?)
            }
            SyncManagerMessage::StoreWorker {
                authority,
                scope,
                worker,
            } => Admitted::StoreWorker(self.checked(authority, scope)?, Box::new(worker)),
            SyncManagerMessage::ReviveWorker { scope } => Admitted::ReviveWorker(scope),
            SyncManagerMessage::ForgetWorker { authority, scope } => {
                Admitted::ForgetWorker(self.checked(authority, scope)?)
            }
            SyncManagerMessage::WorkerUnregistered { authority, scope } => {
                Admitted::WorkerUnregistered(self.checked(authority, scope)?)
            }
        })
    }

    /// What was to be given later, while not too much waits.
    pub fn authorities_due(&mut self, now: MonoTime, behind: usize) -> Vec<DispatchedEvent> {
        if self.authority_later.is_empty() || is_too_much(behind) {
            return Vec::new();
        }
        let mut due = Vec::new();
        for scope in std::mem::take(&mut self.authority_later) {
            match self.authority_over(scope) {
                Ok(event) => due.push(event),
                Err(why) => self.misbehaviour.warn(now, &why.to_string()),
            }
        }
        due
    }

    /// The engine brings it to whoever runs the workers of this origin, wherever the request came from.
    pub fn authority_over(&self, scope: ScopeKey) -> Result<DispatchedEvent, Misbehaviour> {
        if !is_scope_of_origin(&scope) {
            return Err(Misbehaviour::ScopeNotOfOrigin);
        }
        let authority = self.issuer.authority_of(&scope.origin);
        Ok(DispatchedEvent {
            event: EventToken::new(),
            scope,
            kind: SyncEventKind::Authority(authority),
        })
    }

    /// Only who runs the workers of an origin speaks for them.
    fn checked(
        &self,
        authority: WorkerAuthority,
        scope: ScopeKey,
    ) -> Result<ScopeKey, Misbehaviour> {
        if !is_scope_of_origin(&scope) {
            Err(Misbehaviour::ScopeNotOfOrigin)
        } else if authority != self.issuer.authority_of(&scope.origin) {
            Err(Misbehaviour::NoAuthority)
        } else {
            Ok(scope)
        }
    }
}

fn is_too_much(behind: usize) -> bool {
    behind > MAX_WAITING_MESSAGES
}

/// At most one line of log per this time, in milliseconds.
const LOG_INTERVAL_MS: u64 = 10_000;

/// Logs misbehaviour without letting it fill the log.
#[derive(Debug, Default)]
pub(crate) struct MisbehaviourLog {
    last: Option<MonoTime>,
    unsaid: u64,
}

impl MisbehaviourLog {
    pub fn warn(&mut self, now: MonoTime, what: &str) {
        if self
            .last
            .is_some_and(|last| now.ms_since(last) < LOG_INTERVAL_MS)
        {
            self.unsaid += 1;
            return;
        }
        match std::mem::take(&mut self.unsaid) {
            0 => log::warn!("ignored: {what}"),
            unsaid => log::warn!("ignored: {what} ({unsaid} more like this before)"),
        }
        self.last = Some(now);
    }
}
