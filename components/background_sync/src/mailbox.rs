//! The replies of one connection that its client has not taken yet.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use background_sync_core::Origin;
use background_sync_traits::{ConnectionId, SyncClient, SyncReply, SyncResponse};

/// Replies that a client has not taken. One more ends its connection. A client that waits for answers before it asks for
/// more than [`crate::MAX_CALLS_PER_CONNECTION`] can't get there.
pub const MAX_UNREAD_REPLIES: usize = 8_192;

/// What these replies may weigh, in bytes. A reply beyond that ends the connection, unless it is the only one.
pub const MAX_UNREAD_BYTES: usize = 16 * 1_024 * 1_024;

/// What they may weigh in all connections, in bytes. A reply beyond that ends its connection, unless it is the only one.
pub const MAX_UNREAD_BYTES_IN_ALL: usize = 64 * 1_024 * 1_024;

/// A connection, by its id and the number that no other one has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionKey {
    pub id: ConnectionId,
    pub serial: u64,
}

/// What became of a mailbox's replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandedOver {
    All,
    /// The client can't be reached any more.
    ClientGone,
}

/// What follows from a new reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Posted {
    /// [`Mailbox::hand_over`] has to be called.
    Due,
    /// Somebody does or will do that.
    Behind,
    /// It is closed, or over a limit: the connection has to end.
    Refused,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Empty,
    Due,
    HandingOver,
    Closed,
}

struct Inner<C> {
    state: State,
    /// Somewhere else while it is handed a reply.
    client: Option<C>,
    unread: VecDeque<SyncReply>,
    bytes: usize,
}

/// One connection's replies, in order. Filled by the manager; emptied by whichever thread can.
pub(crate) struct Mailbox<C> {
    pub key: ConnectionKey,
    pub origin: Origin,
    bytes_in_all: Arc<AtomicUsize>,
    inner: Mutex<Inner<C>>,
}

impl<C: SyncClient> Mailbox<C> {
    /// `bytes_in_all` is shared by all mailboxes.
    pub fn new(
        key: ConnectionKey,
        origin: Origin,
        client: C,
        bytes_in_all: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            key,
            origin,
            bytes_in_all,
            inner: Mutex::new(Inner {
                state: State::Empty,
                client: Some(client),
                unread: VecDeque::new(),
                bytes: 0,
            }),
        }
    }

    /// Adds a reply. Does not block.
    pub fn post(&self, reply: SyncReply) -> Posted {
        let bytes = weight(&reply);
        let mut inner = self.lock();
        if inner.state == State::Closed {
            return Posted::Refused;
        }
        let bytes_in_all = self.bytes_in_all.load(Ordering::Relaxed);
        if inner.state != State::Empty
            && (inner.unread.len() >= MAX_UNREAD_REPLIES
                || inner.bytes + bytes > MAX_UNREAD_BYTES
                || bytes_in_all + bytes > MAX_UNREAD_BYTES_IN_ALL)
        {
            return Posted::Refused;
        }
        inner.unread.push_back(reply);
        inner.bytes += bytes;
        self.bytes_in_all.fetch_add(bytes, Ordering::Relaxed);
        match inner.state {
            State::Empty => {
                inner.state = State::Due;
                Posted::Due
            }
            State::Due | State::HandingOver | State::Closed => Posted::Behind,
        }
    }

    /// Hands the replies to the client. Takes as long as the client likes; no lock is held meanwhile.
    pub fn hand_over(&self) -> HandedOver {
        let mut inner = self.lock();
        let Some(client) = inner.client.take() else {
            return HandedOver::All;
        };
        while let Some(reply) = inner.unread.pop_front() {
            let bytes = weight(&reply);
            inner.state = State::HandingOver;
            drop(inner);
            let result = client.deliver(reply);
            inner = self.lock();
            if inner.state == State::Closed {
                return HandedOver::All;
            }
            inner.bytes -= bytes;
            self.bytes_in_all.fetch_sub(bytes, Ordering::Relaxed);
            if result.is_err() {
                self.empty(&mut inner);
                return HandedOver::ClientGone;
            }
        }
        inner.state = State::Empty;
        inner.client = Some(client);
        HandedOver::All
    }
}

impl<C> Mailbox<C> {
    /// Nothing is handed over any more, but the reply that is on its way.
    pub fn close(&self) {
        self.empty(&mut self.lock());
    }

    fn empty(&self, inner: &mut Inner<C>) {
        inner.state = State::Closed;
        inner.client = None;
        inner.unread = VecDeque::new();
        self.bytes_in_all.fetch_sub(inner.bytes, Ordering::Relaxed);
        inner.bytes = 0;
    }

    fn lock(&self) -> MutexGuard<'_, Inner<C>> {
        // Each change is complete before anything can panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a reply holds in memory, in bytes.
fn weight(reply: &SyncReply) -> usize {
    let text = match &reply.response {
        SyncResponse::Tags(tags) => tags
            .iter()
            .map(|tag| size_of_val(tag) + tag.as_wtf8().len())
            .sum(),
        _ => 0,
    };
    size_of::<SyncReply>() + text
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use background_sync_traits::{CallId, ClientGone};
    use crossbeam_channel::{Sender, unbounded};

    use super::*;

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

    fn mailbox(client: Sender<SyncReply>, bytes_in_all: &Arc<AtomicUsize>) -> Mailbox<Client> {
        let id = ConnectionId::new();
        let origin = "https://a.example".try_into().unwrap();
        Mailbox::new(
            ConnectionKey { id, serial: 1 },
            origin,
            Client(client),
            bytes_in_all.clone(),
        )
    }

    #[test]
    fn replies_are_handed_over_in_order_and_cost_nothing_after() {
        let (client, replies) = unbounded();
        let in_all = Arc::default();
        let mailbox = mailbox(client, &in_all);
        assert_eq!(mailbox.post(reply(1, 10)), Posted::Due);
        assert_eq!(mailbox.post(reply(2, 10)), Posted::Behind);
        assert!(in_all.load(Ordering::Relaxed) > 20);
        assert_eq!(mailbox.hand_over(), HandedOver::All);
        assert_eq!(in_all.load(Ordering::Relaxed), 0);
        let calls: Vec<_> = replies.try_iter().map(|reply| reply.call.0).collect();
        assert_eq!(calls, [1, 2]);
        assert_eq!(mailbox.post(reply(3, 10)), Posted::Due);
    }

    #[test]
    fn a_reply_too_many_is_refused() {
        let (client, _replies) = unbounded();
        let in_all = Arc::default();
        let mailbox = mailbox(client, &in_all);
        for call in 0..MAX_UNREAD_REPLIES {
            assert_ne!(mailbox.post(reply(call as u64, 1)), Posted::Refused);
        }
        assert_eq!(mailbox.post(reply(0, 1)), Posted::Refused);
        mailbox.close();
        assert_eq!(in_all.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn replies_that_weigh_too_much_are_refused() {
        let (client, _replies) = unbounded();
        let in_all = Arc::default();
        let mailboxes: Vec<_> = (0..6).map(|_| mailbox(client.clone(), &in_all)).collect();
        for mailbox in &mailboxes {
            let mut number = 0;
            while mailbox.post(reply(number, 10_000)) != Posted::Refused {
                number += 1;
                assert!(number as usize * 10_000 <= MAX_UNREAD_BYTES);
            }
            assert!(number > 0, "the only one is taken");
        }
        assert!(in_all.load(Ordering::Relaxed) <= MAX_UNREAD_BYTES_IN_ALL + 2 * 10_100);
    }

    #[test]
    fn a_client_that_is_gone_takes_nothing_more() {
        let (client, replies) = unbounded();
        let in_all = Arc::default();
        let mailbox = mailbox(client, &in_all);
        drop(replies);
        mailbox.post(reply(1, 1));
        mailbox.post(reply(2, 1));
        assert_eq!(mailbox.hand_over(), HandedOver::ClientGone);
        assert_eq!(mailbox.post(reply(3, 1)), Posted::Refused);
        assert_eq!(in_all.load(Ordering::Relaxed), 0);
    }
}
