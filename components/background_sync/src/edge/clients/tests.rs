#![allow(clippy::unwrap_used, reason = "a test may")]

use background_sync_core::{Caller, Tag};
use background_sync_traits::ClientGone;

use super::*;

struct Client;

impl SyncClient for Client {
    fn deliver(&self, _: SyncReply) -> Result<(), ClientGone> {
        Ok(())
    }

    fn delivery_mode(&self) -> DeliveryMode {
        DeliveryMode::Immediate
    }
}

fn connect(clients: &mut Clients<Client>, number: usize) -> ConnectionId {
    let id = ConnectionId::new();
    let origin = format!("https://{number}.example");
    let scope = ScopeKey {
        scope: format!("{origin}/").as_str().try_into().unwrap(),
        origin: origin.as_str().try_into().unwrap(),
    };
    clients.connect(id, scope, Client).unwrap();
    id
}

/// Calls `register()`, which is answered at once. Returns the call, and those that count as resolved then.
fn register(clients: &mut Clients<Client>, id: ConnectionId, call: usize) -> (Call, Vec<Call>) {
    let request = SyncRequest::Register {
        tag: Tag::try_from("t"),
        active_worker: true,
        caller: Caller::Page,
    };
    let call = clients.open_call(id, CallId(call as u64), request).unwrap();
    let acknowledged = clients.answer(call, Answer::Registered(Ok(())));
    (call, acknowledged)
}

#[test]
fn a_promise_too_many_of_a_connection_counts_as_resolved() {
    let (mut clients, _) = Clients::new();
    let id = connect(&mut clients, 0);
    let (first, _) = register(&mut clients, id, 0);
    for call in 1..MAX_CALLS_PER_CONNECTION {
        assert_eq!(register(&mut clients, id, call).1, []);
    }
    let (_, resolved) = register(&mut clients, id, MAX_CALLS_PER_CONNECTION);
    assert_eq!(resolved, [first], "the oldest");
    // One that is acknowledged makes room.
    assert!(clients.acknowledge(id, CallId(1)).unwrap().is_some());
    let (_, resolved) = register(&mut clients, id, MAX_CALLS_PER_CONNECTION + 1);
    assert_eq!(resolved, []);
}

#[test]
fn a_promise_too_many_in_all_counts_as_resolved() {
    let (mut clients, _) = Clients::new();
    let connections = MAX_CALLS_IN_ALL / MAX_CALLS_PER_CONNECTION;
    let ids: Vec<_> = (0..connections)
        .map(|number| connect(&mut clients, number))
        .collect();
    for &id in &ids {
        for call in 0..MAX_CALLS_PER_CONNECTION {
            assert_eq!(register(&mut clients, id, call).1, []);
        }
    }
    let late = connect(&mut clients, connections);
    let (call, resolved) = register(&mut clients, late, 0);
    assert_eq!(resolved, [call], "its own, and nobody else's");
    // Those of a connection that ends make room.
    let ended = clients.disconnect(ids[0]).unwrap();
    assert_eq!(ended.len(), MAX_CALLS_PER_CONNECTION);
    assert_eq!(register(&mut clients, late, 1).1, []);
    assert_eq!(clients.unacknowledged, MAX_CALLS_IN_ALL - ended.len() + 1);
}
