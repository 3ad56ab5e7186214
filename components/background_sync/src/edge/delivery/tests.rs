#![allow(clippy::unwrap_used, reason = "a test may")]

use background_sync_traits::CallId;
use crossbeam_channel::bounded;

use super::*;

const SOON: Duration = Duration::from_secs(10);

struct Client(Sender<SyncReply>);

impl SyncClient for Client {
    fn deliver(&self, reply: SyncReply) -> Result<(), ClientGone> {
        self.0.send(reply).map_err(|_| ClientGone)
    }
}

fn reply(call: u64, tag_bytes: usize) -> SyncReply {
    let tag = "x".repeat(tag_bytes);
    SyncReply {
        call: CallId(call),
        response: SyncResponse::Tags(vec![tag.as_str().try_into().unwrap()]),
    }
}

fn open(delivery: &mut Delivery<Client>, serial: u64, client: Sender<SyncReply>) -> ConnectionKey {
    let id = ConnectionId::new();
    let key = ConnectionKey { id, serial };
    let origin = "https://a.example".try_into().unwrap();
    delivery.open(key, origin, Client(client));
    key
}

#[test]
fn replies_are_delivered_in_order_and_cost_nothing_after() {
    let (client, replies) = unbounded();
    let (mut delivery, _) = Delivery::new();
    let key = open(&mut delivery, 1, client);
    for call in 0..100 {
        delivery.post(key, reply(call, 10)).unwrap();
    }
    delivery.go_on();
    for call in 0..100 {
        let reply = replies.recv_timeout(SOON).unwrap();
        assert_eq!(reply.call, CallId(call));
    }
    assert_eq!(delivery.shared.lock().unread_bytes, 0);
}

#[test]
fn a_reply_too_many_is_refused() {
    let (mut delivery, _) = Delivery::new();
    let key = open(&mut delivery, 1, bounded(0).0);
    for call in 0..MAX_UNREAD_REPLIES {
        delivery.post(key, reply(call as u64, 1)).unwrap();
    }
    assert_eq!(delivery.post(key, reply(0, 1)), Err(ClientGone));
    delivery.close(key);
    assert_eq!(delivery.post(key, reply(0, 1)), Err(ClientGone));
    assert_eq!(delivery.shared.lock().unread_bytes, 0);
}

#[test]
fn replies_that_weigh_too_much_are_refused() {
    let (mut delivery, _) = Delivery::new();
    for serial in 0..6 {
        let key = open(&mut delivery, serial, bounded(0).0);
        let mut posted = 0;
        while delivery.post(key, reply(0, 10_000)).is_ok() {
            posted += 1;
            assert!(posted * 10_000 <= MAX_UNREAD_BYTES);
        }
        assert!(posted > 0, "the only one is taken");
    }
    let unread_bytes = delivery.shared.lock().unread_bytes;
    assert!(unread_bytes <= MAX_UNREAD_BYTES_IN_ALL + 2 * 10_100);
}

#[test]
fn a_client_that_is_gone_takes_nothing_more() {
    let (client, replies) = unbounded();
    let (mut delivery, gone) = Delivery::new();
    let key = open(&mut delivery, 1, client);
    drop(replies);
    delivery.post(key, reply(1, 1)).unwrap();
    delivery.go_on();
    assert_eq!(gone.recv_timeout(SOON), Ok(key));
    assert_eq!(delivery.post(key, reply(3, 1)), Err(ClientGone));
    assert_eq!(delivery.shared.lock().unread_bytes, 0);
}

#[test]
fn a_client_that_keeps_its_thread_keeps_no_other_client_waiting() {
    let (stubborn, unread) = bounded(0);
    let (client, replies) = unbounded();
    let (mut delivery, _) = Delivery::new();
    let stubborn = open(&mut delivery, 1, stubborn);
    let honest = open(&mut delivery, 2, client);
    delivery.post(stubborn, reply(1, 1)).unwrap();
    delivery.post(honest, reply(2, 1)).unwrap();
    let start = Instant::now();
    let reply = loop {
        let look_again = delivery.go_on().unwrap();
        if let Ok(reply) = replies.recv_timeout(look_again) {
            break reply;
        }
    };
    assert_eq!(reply.call, CallId(2));
    assert!(start.elapsed() >= PATIENCE, "the other one has its turn");
    assert_eq!(unread.recv_timeout(SOON).unwrap().call, CallId(1));
}
