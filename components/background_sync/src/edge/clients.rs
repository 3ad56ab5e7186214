//! Connections and their calls: who is connected, what is not answered yet, and which promises are known to be resolved.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use background_sync_core::{Answer, Call, Origin, ScopeKey};
use background_sync_traits::{
    CallId, ConnectionId, DeliveryMode, SyncClient, SyncReply, SyncRequest, SyncResponse,
};
use crossbeam_channel::Receiver;

use super::delivery::{ConnectionKey, Delivery, deliver};
use super::limits::{
    MAX_CALLS_IN_ALL, MAX_CALLS_PER_CONNECTION, MAX_CALLS_PER_ORIGIN, MAX_CONNECTIONS,
    MAX_CONNECTIONS_PER_ORIGIN, MAX_TEXT_IN_CALLS_BYTES, MAX_TEXT_IN_CALLS_PER_ORIGIN_BYTES,
    Misbehaviour, Refusal, is_scope_of_origin,
};
use super::requests::{Hindrance, refuse, text_bytes};

/// A call that waits for the engine or the scheduler.
struct Route {
    connection: ConnectionKey,
    call: CallId,
    scope: ScopeKey,
    request: SyncRequest,
}

struct Connection<C> {
    key: ConnectionKey,
    scope: ScopeKey,
    /// `None`: its replies are posted.
    client: Option<C>,
    /// Not answered yet.
    outstanding: HashMap<CallId, Call>,
    /// Answered, but the promise is not known to be resolved.
    unacknowledged: VecDeque<(CallId, Call)>,
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
    next_call: u64,
    next_serial: u64,
    delivery: Delivery<C>,
}

impl<C: SyncClient> Clients<C> {
    /// Also returns where clients are told of that can't be reached any more.
    pub fn new() -> (Self, Receiver<ConnectionKey>) {
        let (delivery, gone) = Delivery::new();
        let clients = Self {
            connections: HashMap::new(),
            per_origin: HashMap::new(),
            routes: HashMap::new(),
            text_bytes: 0,
            unacknowledged: 0,
            next_call: 1,
            next_serial: 1,
            delivery,
        };
        (clients, gone)
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
        let key = ConnectionKey { id, serial };
        let client = match client.delivery_mode() {
            DeliveryMode::Immediate => Some(client),
            DeliveryMode::MayBlock => {
                self.delivery.open(key, scope.origin.clone(), client);
                None
            }
        };
        let connection = Connection {
            key,
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
        let connection = self.connections.remove(&id);
        let connection = connection.ok_or(Misbehaviour::UnknownConnection)?;
        if connection.client.is_none() {
            self.delivery.close(connection.key);
        }
        self.of_origin(&connection.scope.origin, |open| open.connections -= 1);
        self.unacknowledged -= connection.unacknowledged.len();
        let unacknowledged = connection.unacknowledged.into_iter();
        let unacknowledged = unacknowledged.map(|(_, call)| call);
        let outstanding = connection.outstanding.into_values();
        Ok(unacknowledged.chain(outstanding).collect())
    }

    /// As [`Clients::disconnect`], unless the connection is gone already.
    pub fn client_gone(&mut self, key: ConnectionKey) -> Vec<Call> {
        let connection = self.connections.get(&key.id);
        match connection.is_some_and(|connection| connection.key == key) {
            true => self.disconnect(key.id).unwrap_or_default(),
            false => Vec::new(),
        }
    }

    /// Has the replies delivered that wait. Returns in what time it is to be called again, if not earlier.
    pub fn deliver(&mut self) -> Option<Duration> {
        self.delivery.go_on()
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
            Some(client) => deliver(client, reply).is_ok(),
            None => self.delivery.post(connection.key, reply).is_ok(),
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
        self.text_bytes += text;
        let call = Call(self.next_call);
        self.next_call += 1;
        connection.outstanding.insert(call_id, call);
        let route = Route {
            connection: connection.key,
            call: call_id,
            scope: connection.scope.clone(),
            request,
        };
        self.routes.insert(call, route);
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

    /// The connection that a call came by, open or not; the service worker registration that it is about; what it asks.
    pub fn request(&self, call: Call) -> Option<(ConnectionKey, &ScopeKey, &SyncRequest)> {
        let route = self.routes.get(&call)?;
        Some((route.connection, &route.scope, &route.request))
    }

    /// Sends the scheduler's answer. Returns the promises that count as resolved then, as [`Clients::respond`] does.
    pub fn answer(&mut self, call: Call, answer: Answer) -> Vec<Call> {
        match answer {
            Answer::Registered(result) => self.respond(call, SyncResponse::Registered(result)),
            Answer::Tags(tags) => self.respond(call, SyncResponse::Tags(tags)),
            Answer::Unregistered(result) => self.respond(call, SyncResponse::Unregistered(result)),
            // Not for clients.
            Answer::Dispatched(_) | Answer::Removed(_) => Vec::new(),
        }
    }

    /// Sends an answer.
    pub fn respond(&mut self, call: Call, response: SyncResponse) -> Vec<Call> {
        let Some(route) = self.routes.remove(&call) else {
            return Vec::new();
        };
        let text = text_bytes(&route.request);
        self.text_bytes -= text;
        self.of_origin(&route.scope.origin, |open| {
            open.calls -= 1;
            open.text_bytes -= text;
        });
        let resolved = matches!(response, SyncResponse::Registered(Ok(())));
        let id = route.connection.id;
        let connection = self.connections.get_mut(&id);
        let Some(connection) = connection.filter(|open| open.key == route.connection) else {
            return vec![call];
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
        match self.post(id, reply) {
            true => self.forget_oldest_promise(id),
            false => self.disconnect(id).unwrap_or_default(),
        }
    }

    /// Answers everything that is outstanding: there will be no other answer.
    pub fn refuse_all(&mut self, hindrance: Hindrance) {
        let calls: Vec<Call> = self.routes.keys().copied().collect();
        for call in calls {
            // Refused promises don't hold anything back.
            let _ = self.refuse_one(call, hindrance);
        }
    }

    /// Answers a call that was taken in; there will be no other answer.
    pub fn refuse_one(&mut self, call: Call, hindrance: Hindrance) -> Vec<Call> {
        match self.routes.get(&call) {
            Some(route) => self.respond(call, refuse(&route.request, hindrance)),
            None => Vec::new(),
        }
    }

    /// A promise too many that is not known to be resolved counts as resolved.
    fn forget_oldest_promise(&mut self, id: ConnectionId) -> Vec<Call> {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Vec::new();
        };
        if connection.unacknowledged.len() <= MAX_CALLS_PER_CONNECTION
            && self.unacknowledged <= MAX_CALLS_IN_ALL
        {
            return Vec::new();
        }
        let oldest = connection.unacknowledged.pop_front();
        self.unacknowledged -= usize::from(oldest.is_some());
        oldest.into_iter().map(|(_, call)| call).collect()
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
        self.unacknowledged -= usize::from(found.is_some());
        Ok(found.map(|(_, call)| call))
    }
}
