//! The edge towards clients: connections and calls. Nothing that a client says is believed.

pub(crate) mod order;
mod promises;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use background_sync_core::{Answer, Call, Origin, ScopeKey};
use background_sync_traits::{
    CallId, ConnectionId, DeliveryMode, SyncClient, SyncReply, SyncRequest, SyncResponse,
};

use crossbeam_channel::Receiver;

use crate::edge::delivery::{ConnectionKey, Delivery, deliver};
use crate::limits::{
    Hindrance, MAX_CALLS_IN_ALL, MAX_CALLS_PER_CONNECTION, MAX_CALLS_PER_ORIGIN, MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ORIGIN, MAX_TEXT_IN_CALLS_BYTES, MAX_TEXT_IN_CALLS_PER_ORIGIN_BYTES,
    Misbehaviour, Refusal, is_scope_of_origin, refuse, text_bytes,
};
use order::Queue;

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

/// How replies reach a client.
enum Way<C> {
    /// At once, by this thread.
    Direct(C),
    /// By a thread that may wait for it.
    Posted,
}

struct Connection<C> {
    serial: Serial,
    scope: ScopeKey,
    client: Way<C>,
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

/// What one origin has open.
#[derive(Default)]
struct OfOrigin {
    connections: usize,
    /// In `routes`.
    calls: usize,
    text_bytes: u64,
}

pub(crate) struct Clients<C: SyncClient> {
    connections: HashMap<ConnectionId, Connection<C>>,
    per_origin: HashMap<Origin, OfOrigin>,
    routes: HashMap<Call, Route>,
    /// In `routes`.
    text_bytes: u64,
    /// In all connections.
    unacknowledged: usize,
    /// Only of connections for which the engine is being asked.
    queues: HashMap<Serial, Queue>,
    next_call: u64,
    next_serial: Serial,
    delivery: Delivery<C>,
}

impl<C: SyncClient> Clients<C> {
    pub fn new() -> Self {
        Self {
            connections: HashMap::new(),
            per_origin: HashMap::new(),
            routes: HashMap::new(),
            text_bytes: 0,
            unacknowledged: 0,
            queues: HashMap::new(),
            next_call: 1,
            next_serial: 1,
            delivery: Delivery::new(),
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
        let of_origin = self.per_origin.get(&scope.origin);
        if self.connections.len() >= MAX_CONNECTIONS
            || of_origin.is_some_and(|open| open.connections >= MAX_CONNECTIONS_PER_ORIGIN)
        {
            return Err(Misbehaviour::TooManyConnections);
        }
        let of_origin = self.per_origin.entry(scope.origin.clone()).or_default();
        of_origin.connections += 1;
        let serial = self.next_serial;
        self.next_serial += 1;
        let client = match client.delivery_mode() {
            DeliveryMode::Immediate => Way::Direct(client),
            DeliveryMode::MayBlock => {
                let key = ConnectionKey { id, serial };
                self.delivery.open(key, scope.origin.clone(), client);
                Way::Posted
            }
        };
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
        let mut connection = self
            .connections
            .remove(&id)
            .ok_or(Misbehaviour::UnknownConnection)?;
        if let Way::Posted = connection.client {
            let serial = connection.serial;
            self.delivery.close(ConnectionKey { id, serial });
        }
        self.of_origin(&connection.scope.origin, |open| open.connections -= 1);
        self.unacknowledged -= connection.unacknowledged.len();
        let unacknowledged = std::mem::take(&mut connection.unacknowledged);
        let outstanding = std::mem::take(&mut connection.outstanding);
        Ok(unacknowledged
            .into_iter()
            .map(|(_, call)| call)
            .chain(outstanding.into_values())
            .collect())
    }

    /// As [`Clients::disconnect`], unless the connection is gone already.
    pub fn client_gone(&mut self, key: ConnectionKey) -> Vec<Call> {
        let connection = self.connections.get(&key.id);
        match connection.is_some_and(|connection| connection.serial == key.serial) {
            true => self.disconnect(key.id).unwrap_or_default(),
            false => Vec::new(),
        }
    }

    /// Where clients that can't be reached any more are told of.
    pub fn gone(&self) -> Receiver<ConnectionKey> {
        self.delivery.gone()
    }

    /// When [`Clients::handle_timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.delivery.poll_timeout()
    }

    /// Looks for clients that keep others from their replies.
    pub fn handle_timeout(&mut self) {
        self.delivery.handle_timeout(Instant::now());
    }

    /// Changes what an origin has open.
    fn of_origin(&mut self, origin: &Origin, change: impl FnOnce(&mut OfOrigin)) {
        if let Some(open) = self.per_origin.get_mut(origin) {
            change(open);
            if open.connections == 0 && open.calls == 0 {
                self.per_origin.remove(origin);
            }
        }
    }

    /// Has a reply handed over. Returns whether the connection can go on.
    fn post(&mut self, id: ConnectionId, reply: SyncReply) -> bool {
        let Some(connection) = self.connections.get(&id) else {
            return false;
        };
        match &connection.client {
            Way::Direct(client) => deliver(client, reply).is_ok(),
            Way::Posted => {
                let serial = connection.serial;
                let key = ConnectionKey { id, serial };
                self.delivery.post(key, reply).is_ok()
            }
        }
    }

    /// A fresh number.
    pub fn next_call(&mut self) -> Call {
        let call = Call(self.next_call);
        self.next_call += 1;
        call
    }

    /// Takes in a call.
    pub fn open_call(
        &mut self,
        id: ConnectionId,
        call_id: CallId,
        request: SyncRequest,
    ) -> Result<Call, Refusal> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Err(Misbehaviour::UnknownConnection.into());
        };
        let text = text_bytes(&request);
        let of_origin = self.per_origin.entry(connection.scope.origin.clone());
        let of_origin = of_origin.or_default();
        let refusal = if connection.outstanding.contains_key(&call_id) {
            Some(Misbehaviour::CallIdInUse)
        } else if connection.outstanding.len() >= MAX_CALLS_PER_CONNECTION {
            Some(Misbehaviour::TooManyCalls)
        } else if of_origin.calls >= MAX_CALLS_PER_ORIGIN || self.routes.len() >= MAX_CALLS_IN_ALL {
            Some(Misbehaviour::TooManyCallsInAll)
        } else if of_origin.text_bytes + text > MAX_TEXT_IN_CALLS_PER_ORIGIN_BYTES
            || self.text_bytes + text > MAX_TEXT_IN_CALLS_BYTES
        {
            Some(Misbehaviour::TooMuchData)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            return Err(self.refuse_call(id, call_id, &request, refusal));
        }
        of_origin.calls += 1;
        of_origin.text_bytes += text;
        let call = Call(self.next_call);
        self.next_call += 1;
        connection.outstanding.insert(call_id, call);
        self.text_bytes += text;
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

    /// Answers a call that is not taken in.
    pub fn refuse_call(
        &mut self,
        id: ConnectionId,
        call: CallId,
        request: &SyncRequest,
        why: Misbehaviour,
    ) -> Refusal {
        let response = refuse(request, Hindrance::Unavailable(why.as_told()));
        match self.post(id, SyncReply { call, response }) {
            true => why.into(),
            false => Refusal {
                why: match self.connections.contains_key(&id) {
                    true => Misbehaviour::DoesNotRead,
                    false => Misbehaviour::UnknownConnection,
                },
                acknowledged: self.disconnect(id).unwrap_or_default(),
            },
        }
    }

    /// The service worker registration that a call is about.
    pub fn scope(&self, call: Call) -> Option<&ScopeKey> {
        Some(&self.routes.get(&call)?.scope)
    }

    /// What a call asks, and for which service worker registration.
    pub fn request(&self, call: Call) -> Option<(ScopeKey, SyncRequest)> {
        let route = self.routes.get(&call)?;
        Some((route.scope.clone(), route.request.clone()))
    }

    /// Sends the scheduler's answer.
    pub fn answer(&mut self, call: Call, answer: Answer) -> AfterAnswer {
        match answer {
            Answer::Registered(result) => self.respond(call, SyncResponse::Registered(result)),
            Answer::Tags(tags) => self.respond(call, SyncResponse::Tags(tags)),
            Answer::Unregistered(result) => self.respond(call, SyncResponse::Unregistered(result)),
            // Not for clients.
            Answer::Dispatched(_) | Answer::Removed(_) => AfterAnswer::default(),
        }
    }

    /// Sends an answer.
    pub fn respond(&mut self, call: Call, response: SyncResponse) -> AfterAnswer {
        let Some(route) = self.routes.remove(&call) else {
            return AfterAnswer::default();
        };
        let text = text_bytes(&route.request);
        self.text_bytes -= text;
        self.of_origin(&route.scope.origin, |open| {
            open.calls -= 1;
            open.text_bytes -= text;
        });
        let resolved = matches!(response, SyncResponse::Registered(Ok(())));
        let connection = self.connections.get_mut(&route.connection);
        let Some(connection) = connection.filter(|connection| connection.serial == route.serial)
        else {
            return AfterAnswer {
                acknowledged: vec![call],
            };
        };
        connection.outstanding.remove(&route.call);
        if resolved {
            connection.unacknowledged.push_back((route.call, call));
            self.unacknowledged += 1;
        }
        let reply = SyncReply {
            call: route.call,
            response,
        };
        if !self.post(route.connection, reply) {
            let acknowledged = self.disconnect(route.connection).unwrap_or_default();
            return AfterAnswer { acknowledged };
        }
        AfterAnswer {
            acknowledged: self.forget_oldest_promise(route.connection),
        }
    }

    /// Answers everything that is outstanding: there will be no other answer.
    pub fn refuse_all(&mut self, hindrance: Hindrance) {
        let calls: Vec<Call> = self.routes.keys().copied().collect();
        for call in calls {
            self.refuse_one(call, hindrance);
        }
    }

    /// Answers a call that was taken in; there will be no other answer.
    pub fn refuse_one(&mut self, call: Call, hindrance: Hindrance) {
        if let Some(route) = self.routes.get(&call) {
            let response = refuse(&route.request, hindrance);
            // Refused promises don't hold anything back.
            let _ = self.respond(call, response);
        }
    }
}
