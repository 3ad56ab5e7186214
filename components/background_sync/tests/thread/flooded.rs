//! More messages than the manager can handle: calls are refused, and nothing else is lost.

use background_sync::traits::{CallId, ConnectionId, SyncEventKind, SyncRequest, SyncResponse};
use background_sync::*;
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::support::{Client, OPEN, SOON, register_request, scope_at};

/// Keeps the manager from its work.
struct Gate {
    entered: Sender<()>,
    open: Receiver<()>,
    events: Sender<DispatchedEvent>,
}
impl Engine for Gate {
    fn query_client_state(&self, _: &ScopeKey, responder: ClientStateResponder) {
        self.entered.send(()).unwrap();
        self.open.recv_timeout(SOON).unwrap();
        responder.answer(OPEN);
    }
    fn dispatch(&self, event: DispatchedEvent) {
        self.events.send(event).unwrap();
    }
    fn terminate(&self, _: EventToken, _: &ScopeKey) {}
}

/// Messages that come faster than they are handled.
#[test]
fn calls_are_refused_while_too_much_waits() {
    const TOO_MANY: usize = 100;
    let (open_gate, open) = bounded(1);
    let (entered, at_gate) = bounded(1);
    let (messages, messages_in) = crossbeam_channel::unbounded::<Result<_, String>>();
    let config = Config::new().connectivity(Connectivity::Offline);
    let (events, dispatched) = crossbeam_channel::unbounded();
    let engine = Box::new(Gate {
        entered,
        open,
        events,
    });
    let _thread = SyncManager::spawn(config, messages_in, engine, Box::new(Silent)).unwrap();
    let send = |message| messages.send(Ok(message)).unwrap();
    let (client, replies) = crossbeam_channel::unbounded();
    // None of them asks for more than a client may.
    let connections = [(); 8].map(|()| {
        let connection = ConnectionId::new();
        send(SyncManagerMessage::Connect {
            connection,
            scope: scope_at("https://a.example", "https://a.example/"),
            client: Client(client.clone()),
        });
        connection
    });
    drop(client);
    let ask = |call: usize, request| {
        send(SyncManagerMessage::Request {
            connection: connections[call % connections.len()],
            call: CallId(call as u64),
            request,
        });
    };
    ask(0, register_request("x"));
    at_gate.recv_timeout(SOON).unwrap();
    // The authority over workers is not refused, but given once, and later.
    for _ in 0..10 {
        send(SyncManagerMessage::RequestAuthority {
            scope: scope_at("https://a.example", "https://a.example/"),
        });
    }
    let id = Tag::try_from("none").unwrap();
    for call in 1..=TOO_MANY + MAX_WAITING_MESSAGES {
        ask(call, SyncRequest::UnregisterExplainer { id: id.clone() });
    }
    open_gate.send(()).unwrap();
    let (mut refused, mut answered) = (0, 0);
    while refused + answered < TOO_MANY + MAX_WAITING_MESSAGES {
        let reply = replies.recv_timeout(SOON).unwrap();
        match reply.response {
            SyncResponse::Unregistered(Err(error)) => {
                assert!(error.to_string().contains("too much"), "{error}");
                assert!(reply.call.0 <= TOO_MANY as u64, "few are behind it");
                refused += 1;
            }
            SyncResponse::Unregistered(Ok(())) => answered += 1,
            SyncResponse::Registered(result) => result.unwrap(),
            other => panic!("{other:?}"),
        }
    }
    // The one that the limit is looked at with is not among those behind it.
    assert_eq!(refused, TOO_MANY - 1);
    let event = dispatched.recv_timeout(SOON).unwrap();
    assert!(matches!(event.kind, SyncEventKind::Authority(_)));
    assert!(dispatched.is_empty());
}
