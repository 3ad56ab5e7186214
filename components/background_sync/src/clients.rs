//! The edge towards clients: connections and calls. Nothing that a client says is believed.

use std::collections::{HashMap, VecDeque};

use background_sync_core::{Answer, Call, Origin, RegisterError, ScopeKey, UnregisterError};
use background_sync_traits::{
    CallId, ConnectionId, SyncClient, SyncReply, SyncRequest, SyncResponse,
};
use url::Url;

/// Connections (`SyncManager` objects) in all. Another one is refused.
pub const MAX_CONNECTIONS: usize = 16_384;

/// Connections of one origin.
pub const MAX_CONNECTIONS_PER_ORIGIN: usize = 2_048;

/// Calls of one connection that are not answered, and as many whose promise is not known to be
/// resolved. Another call is refused; another promise counts as resolved.
pub const MAX_CALLS_PER_CONNECTION: usize = 4_096;

/// Text (`data` and the like) in calls of all connections that are not answered, in UTF-8 bytes. A call
/// beyond that is refused.
pub const MAX_TEXT_IN_CALLS_BYTES: u64 = 16 * 1_024 * 1_024;

/// Why something that a client sent is ignored or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misbehaviour {
    #[error("a message for a connection that is not open")]
    UnknownConnection,
    #[error("a second connection with the id of an open one")]
    ConnectionIdInUse,
    #[error("a connection whose scope is not a URL of its origin")]
    ScopeNotOfOrigin,
    #[error("a connection over the limit")]
    TooManyConnections,
    #[error("a call with the number of one that is not answered yet")]
    CallIdInUse,
    #[error("this page has too many unanswered calls; wait for some of them")]
    TooManyCalls,
    #[error("the unanswered calls have too much data; wait for some of them")]
    TooMuchData,
}

/// A call that waits for the engine or the scheduler.
pub(crate) struct Route {
    connection: ConnectionId,
    /// Of that connection: a client may use its id again.
    serial: Serial,
    call: CallId,
    scope: ScopeKey,
    request: SyncRequest,
}

/// Numbers connections; never used twice.
type Serial = u64;

/// Calls of one connection that must not overtake each other. They are carried out also if the
/// connection ends meanwhile.
#[derive(Default)]
struct Queue {
    /// Calls for which the engine is being asked.
    asking: usize,
    /// Calls behind those that the engine is not asked for.
    behind: Vec<Call>,
}

struct Connection<C> {
    serial: Serial,
    scope: ScopeKey,
    client: C,
    /// Not answered yet.
    outstanding: HashMap<CallId, Call>,
    /// Answered, but the promise is not known to be resolved.
    unacknowledged: VecDeque<(CallId, Call)>,
}

/// What the scheduler must be told after an answer went out, or did not.
#[derive(Default)]
pub(crate) struct AfterAnswer {
    /// These promises count as resolved.
    pub acknowledged: Vec<Call>,
}

pub(crate) struct Clients<C> {
    connections: HashMap<ConnectionId, Connection<C>>,
    per_origin: HashMap<Origin, usize>,
    routes: HashMap<Call, Route>,
    /// In `routes`.
    text_bytes: u64,
    /// Only of connections for which the engine is being asked.
    queues: HashMap<Serial, Queue>,
    next_call: u64,
    next_serial: Serial,
}

impl<C: SyncClient> Clients<C> {
    pub fn new() -> Self {
        Self {
            connections: HashMap::new(),
            per_origin: HashMap::new(),
            routes: HashMap::new(),
            text_bytes: 0,
            queues: HashMap::new(),
            next_call: 1,
            next_serial: 1,
        }
    }

    pub fn connect(
        &mut self,
        id: ConnectionId,
        scope: ScopeKey,
        client: C,
    ) -> Result<(), Misbehaviour> {
        if self.connections.contains_key(&id) {
            return Err(Misbehaviour::ConnectionIdInUse);
        }
        if !is_scope_of_origin(&scope) {
            return Err(Misbehaviour::ScopeNotOfOrigin);
        }
        let of_origin = self.per_origin.get(&scope.origin).copied().unwrap_or(0);
        if self.connections.len() >= MAX_CONNECTIONS || of_origin >= MAX_CONNECTIONS_PER_ORIGIN {
            return Err(Misbehaviour::TooManyConnections);
        }
        self.per_origin.insert(scope.origin.clone(), of_origin + 1);
        let serial = self.next_serial;
        self.next_serial += 1;
        let connection = Connection {
            serial,
            scope,
            client,
            outstanding: HashMap::new(),
            unacknowledged: VecDeque::new(),
        };
        self.connections.insert(id, connection);
        Ok(())
    }

    /// Ends a connection; returns its calls: their promises will never be seen.
    pub fn disconnect(&mut self, id: ConnectionId) -> Result<Vec<Call>, Misbehaviour> {
        let connection = self
            .connections
            .remove(&id)
            .ok_or(Misbehaviour::UnknownConnection)?;
        if let Some(count) = self.per_origin.get_mut(&connection.scope.origin) {
            *count -= 1;
            if *count == 0 {
                self.per_origin.remove(&connection.scope.origin);
            }
        }
        let unacknowledged = connection.unacknowledged.into_iter().map(|(_, call)| call);
        Ok(unacknowledged
            .chain(connection.outstanding.into_values())
            .collect())
    }

    /// A fresh number.
    pub fn next_call(&mut self) -> Call {
        let call = Call(self.next_call);
        self.next_call += 1;
        call
    }

    /// Takes in a call. A refused one has been answered.
    pub fn open_call(
        &mut self,
        id: ConnectionId,
        call_id: CallId,
        request: SyncRequest,
    ) -> Result<Call, Misbehaviour> {
        let connection = self
            .connections
            .get_mut(&id)
            .ok_or(Misbehaviour::UnknownConnection)?;
        let refusal = if connection.outstanding.contains_key(&call_id) {
            Some(Misbehaviour::CallIdInUse)
        } else if connection.outstanding.len() >= MAX_CALLS_PER_CONNECTION {
            Some(Misbehaviour::TooManyCalls)
        } else if self.text_bytes + text_bytes(&request) > MAX_TEXT_IN_CALLS_BYTES {
            Some(Misbehaviour::TooMuchData)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            let response = refuse(&request, refusal.to_string());
            // A client that is gone has no use for it.
            let _ = connection.client.deliver(SyncReply {
                call: call_id,
                response,
            });
            return Err(refusal);
        }
        let call = Call(self.next_call);
        self.next_call += 1;
        connection.outstanding.insert(call_id, call);
        self.text_bytes += text_bytes(&request);
        self.routes.insert(
            call,
            Route {
                connection: id,
                serial: connection.serial,
                call: call_id,
                scope: connection.scope.clone(),
                request,
            },
        );
        Ok(call)
    }

    /// What a call asks, and for which service worker registration.
    pub fn request(&self, call: Call) -> Option<(ScopeKey, SyncRequest)> {
        let route = self.routes.get(&call)?;
        Some((route.scope.clone(), route.request.clone()))
    }

    /// The engine is being asked for this connection.
    pub fn asking(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get(&id) {
            self.queues.entry(connection.serial).or_default().asking += 1;
        }
    }

    /// Returns whether a call that the engine is not asked for has to wait, so that it sees the calls
    /// before it.
    pub fn waits_behind_register(&mut self, id: ConnectionId, call: Call) -> bool {
        let serial = self
            .connections
            .get(&id)
            .map(|connection| connection.serial);
        match serial.and_then(|serial| self.queues.get_mut(&serial)) {
            Some(queue) => {
                queue.behind.push(call);
                true
            }
            None => false,
        }
    }

    /// The engine has answered; returns the calls that waited for that.
    pub fn asked(&mut self, call: Call) -> Vec<Call> {
        let Some(serial) = self.routes.get(&call).map(|route| route.serial) else {
            return Vec::new();
        };
        let Some(queue) = self.queues.get_mut(&serial) else {
            return Vec::new();
        };
        queue.asking = queue.asking.saturating_sub(1);
        if queue.asking > 0 {
            return Vec::new();
        }
        let queue = self.queues.remove(&serial);
        queue.map_or_else(Vec::new, |queue| queue.behind)
    }

    /// Sends an answer.
    pub fn answer(&mut self, call: Call, answer: Answer) -> AfterAnswer {
        let Some(route) = self.routes.remove(&call) else {
            return AfterAnswer::default();
        };
        self.text_bytes -= text_bytes(&route.request);
        let resolved = matches!(answer, Answer::Registered(Ok(())));
        let response = match answer {
            Answer::Registered(result) => SyncResponse::Registered(result),
            Answer::Tags(tags) => SyncResponse::Tags(tags),
            Answer::Unregistered(result) => SyncResponse::Unregistered(result),
            // Not for clients.
            Answer::Dispatched(_) | Answer::Removed(_) => return AfterAnswer::default(),
        };
        let connection = self.connections.get_mut(&route.connection);
        let Some(connection) = connection.filter(|connection| connection.serial == route.serial)
        else {
            return AfterAnswer {
                acknowledged: vec![call],
            };
        };
        connection.outstanding.remove(&route.call);
        if connection
            .client
            .deliver(SyncReply {
                call: route.call,
                response,
            })
            .is_err()
        {
            let mut acknowledged = self.disconnect(route.connection).unwrap_or_default();
            acknowledged.push(call);
            return AfterAnswer { acknowledged };
        }
        let mut after = AfterAnswer::default();
        if resolved {
            connection.unacknowledged.push_back((route.call, call));
            if connection.unacknowledged.len() > MAX_CALLS_PER_CONNECTION {
                after
                    .acknowledged
                    .extend(connection.unacknowledged.pop_front().map(|(_, c)| c));
            }
        }
        after
    }

    /// A promise was resolved.
    pub fn acknowledge(
        &mut self,
        id: ConnectionId,
        call: CallId,
    ) -> Result<Option<Call>, Misbehaviour> {
        let connection = self
            .connections
            .get_mut(&id)
            .ok_or(Misbehaviour::UnknownConnection)?;
        let position = connection
            .unacknowledged
            .iter()
            .position(|(other, _)| *other == call);
        let found = position.and_then(|position| connection.unacknowledged.remove(position));
        Ok(found.map(|(_, call)| call))
    }

    /// Answers everything that is outstanding: there will be no other answer.
    pub fn refuse_all(&mut self, reason: &str) {
        self.text_bytes = 0;
        for route in std::mem::take(&mut self.routes).into_values() {
            let connection = self.connections.get(&route.connection);
            if let Some(connection) = connection.filter(|found| found.serial == route.serial) {
                let response = refuse(&route.request, reason.to_owned());
                let _ = connection.client.deliver(SyncReply {
                    call: route.call,
                    response,
                });
            }
        }
    }
}

/// The answer to a call that can't be done.
pub(crate) fn refuse(request: &SyncRequest, reason: String) -> SyncResponse {
    match request {
        SyncRequest::Register { .. }
        | SyncRequest::RegisterPeriodic { .. }
        | SyncRequest::RegisterExplainer { .. } => {
            SyncResponse::Registered(Err(RegisterError::Unavailable { reason }))
        }
        SyncRequest::UnregisterPeriodic { .. } | SyncRequest::UnregisterExplainer { .. } => {
            SyncResponse::Unregistered(Err(UnregisterError::Unavailable { reason }))
        }
        SyncRequest::GetTags | SyncRequest::GetPeriodicTags | SyncRequest::GetExplainerIds => {
            SyncResponse::Tags(Vec::new())
        }
    }
}

fn text_bytes(request: &SyncRequest) -> u64 {
    match request {
        SyncRequest::RegisterExplainer {
            options: Ok(options),
            ..
        } => options.text_bytes(),
        _ => 0,
    }
}

/// Whether the scope URL is one and belongs to the origin.
fn is_scope_of_origin(scope: &ScopeKey) -> bool {
    let origin = Url::parse(scope.scope.as_str()).map(|url| url.origin());
    origin.is_ok_and(|origin| {
        origin.is_tuple() && origin.ascii_serialization() == scope.origin.as_str()
    })
}
