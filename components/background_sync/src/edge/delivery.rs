//! Replies to clients that can keep whoever delivers them waiting. A thread of their own delivers them, started with the
//! first one. It takes the clients in turn; one that keeps it for longer than [`PATIENCE`] has it for itself from then
//! on, and another thread delivers the rest. The manager's thread only posts, and never waits.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use background_sync_core::Origin;
use background_sync_traits::{ClientGone, ConnectionId, SyncClient, SyncReply, SyncResponse};
use crossbeam_channel::{Receiver, Sender, unbounded};

use super::blocked::Blocked;

/// Replies that a client has not taken. One more ends its connection. A client that waits for answers before it asks for
/// more than [`crate::MAX_CALLS_PER_CONNECTION`] can't get there.
pub const MAX_UNREAD_REPLIES: usize = 8_192;

/// What these replies may weigh, in bytes. A reply beyond that ends the connection, unless it is the only one.
pub const MAX_UNREAD_BYTES: usize = 16 * 1_024 * 1_024;

/// What they may weigh in all connections, in bytes. A reply beyond that ends its connection, unless it is the only one.
pub const MAX_UNREAD_BYTES_IN_ALL: usize = 64 * 1_024 * 1_024;

/// So long a client may keep the others waiting, and about twice as long at most.
const PATIENCE: Duration = Duration::from_millis(20);

/// At the end, clients that keep threads waiting are given this time for their last replies.
const LAST_REPLIES_LIMIT: Duration = Duration::from_secs(1);

/// A connection, by its id and the number that no other one has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionKey {
    pub id: ConnectionId,
    pub serial: u64,
}

/// A reply is not delivered: its connection is closed, or over a limit and has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused;

/// The manager's end.
pub(crate) struct Delivery<C: SyncClient> {
    shared: Arc<Shared<C>>,
    gone: Receiver<ConnectionKey>,
}

struct Shared<C> {
    state: Mutex<State<C>>,
    /// There is something to deliver, or at the end something was.
    changed: Condvar,
    /// An error of it means that the manager has ended.
    gone: Sender<ConnectionKey>,
}

struct State<C> {
    queues: HashMap<ConnectionKey, Queue<C>>,
    /// Those that have replies and wait for their turn.
    due: VecDeque<ConnectionKey>,
    unread_bytes: usize,
    /// The thread that takes the next client.
    courier: Option<Courier>,
    next_courier: u64,
    /// Clients that have a thread for themselves.
    blocked: Blocked<ConnectionKey>,
    ending: bool,
}

struct Courier {
    number: u64,
    /// The client that it is with, and since when.
    with: Option<(ConnectionKey, Origin, Instant)>,
}

/// The replies of one connection, in order.
struct Queue<C> {
    origin: Origin,
    /// A thread has it while it delivers.
    client: Option<C>,
    unread: VecDeque<SyncReply>,
    bytes: usize,
}

impl<C: SyncClient> Delivery<C> {
    pub fn new() -> Self {
        let (gone_out, gone) = unbounded();
        let state = State {
            queues: HashMap::new(),
            due: VecDeque::new(),
            unread_bytes: 0,
            courier: None,
            next_courier: 1,
            blocked: Blocked::new(),
            ending: false,
        };
        let shared = Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
            gone: gone_out,
        };
        Self {
            shared: Arc::new(shared),
            gone,
        }
    }

    /// Clients that can't be reached any more, or do not take what they ask for: their connections have to end.
    pub fn gone(&self) -> Receiver<ConnectionKey> {
        self.gone.clone()
    }

    pub fn open(&mut self, key: ConnectionKey, origin: Origin, client: C) {
        let queue = Queue {
            origin,
            client: Some(client),
            unread: VecDeque::new(),
            bytes: 0,
        };
        self.shared.lock().queues.insert(key, queue);
    }

    /// Nothing is delivered any more but the reply that is on its way.
    pub fn close(&mut self, key: ConnectionKey) {
        self.shared.lock().close(key);
    }

    /// Adds a reply to those that [`Delivery::go_on`] has delivered.
    pub fn post(&mut self, key: ConnectionKey, reply: SyncReply) -> Result<(), Refused> {
        self.shared.lock().post(key, reply)
    }

    /// Has delivered what was posted: by another thread if a client keeps the one before. Gives up clients that have kept
    /// theirs for too long. Does not wait. Returns when it is to be called again, if not earlier.
    pub fn go_on(&mut self) -> Option<Instant> {
        let mut state = self.shared.lock();
        if !state.is_delivering() {
            return None;
        }
        let now = Instant::now();
        for key in state.blocked.give_up(now) {
            let _ = self.shared.gone.send(key);
        }
        self.shared.look_after(&mut state, now);
        let give_up = state.blocked.next_to_give_up();
        let with = state.courier.as_ref().map(|courier| &courier.with);
        let look_again = match with {
            Some(Some((.., since))) => Some(*since + PATIENCE),
            Some(None) if !state.due.is_empty() => {
                // Only now, or it would wait for the lock.
                drop(state);
                self.shared.changed.notify_all();
                Some(now + PATIENCE)
            }
            _ => None,
        };
        look_again.into_iter().chain(give_up).min()
    }
}

/// The last replies are delivered, as far as their clients take them in time.
impl<C: SyncClient> Drop for Delivery<C> {
    fn drop(&mut self) {
        let end = Instant::now() + LAST_REPLIES_LIMIT;
        let mut state = self.shared.lock();
        state.ending = true;
        self.shared.changed.notify_all();
        while state.is_delivering() && Instant::now() < end {
            let waited = self.shared.changed.wait_timeout(state, PATIENCE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            self.shared.look_after(&mut state, Instant::now());
        }
        state.due.clear();
        state.queues.clear();
    }
}

impl<C: SyncClient> Shared<C> {
    /// Has another thread deliver what is due if the client of the one before keeps it.
    fn look_after(self: &Arc<Self>, state: &mut State<C>, now: Instant) {
        state.leave_blocked_client(now);
        if state.courier.is_none() && !state.due.is_empty() {
            self.start_courier(state);
        }
    }

    /// Starts a thread that delivers, if one more may be kept waiting.
    fn start_courier(self: &Arc<Self>, state: &mut State<C>) {
        if !state.blocked.have_room() {
            return;
        }
        let number = state.next_courier;
        state.next_courier += 1;
        let shared = self.clone();
        let thread = thread::Builder::new().name("SyncDelivery".to_owned());
        match thread.spawn(move || shared.run(number)) {
            Ok(_) => state.courier = Some(Courier { number, with: None }),
            Err(error) => log::error!("replies wait for a thread: {error}"),
        }
    }

    /// Delivers until the end, or until another thread has taken over.
    fn run(&self, number: u64) {
        let mut state = self.lock();
        loop {
            let Some((key, origin, client)) = self.next_client(&mut state) else {
                if state.ending {
                    break;
                }
                let changed = self.changed.wait(state);
                state = changed.unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let with = Some((key, origin.clone(), Instant::now()));
            state.courier = Some(Courier { number, with });
            state = self.deliver_all(state, key, client);
            match &mut state.courier {
                Some(courier) if courier.number == number => courier.with = None,
                courier => {
                    let goes_on = courier.is_none();
                    courier.get_or_insert(Courier { number, with: None });
                    state.blocked.release(key, &origin);
                    if !goes_on {
                        return self.changed.notify_all();
                    }
                }
            }
        }
        state.courier = None;
        self.changed.notify_all();
    }

    /// Ends the connections of origins that block too many threads.
    fn next_client(&self, state: &mut State<C>) -> Option<(ConnectionKey, Origin, C)> {
        while let Some(key) = state.due.pop_front() {
            let Some(queue) = state.queues.get_mut(&key) else {
                continue;
            };
            if state.blocked.are_too_many_of(&queue.origin) {
                state.close(key);
                let _ = self.gone.send(key);
            } else if let Some(client) = queue.client.take() {
                return Some((key, queue.origin.clone(), client));
            }
        }
        None
    }

    /// Takes as long as the client likes; no lock is held meanwhile.
    fn deliver_all<'s>(
        &'s self,
        mut state: MutexGuard<'s, State<C>>,
        key: ConnectionKey,
        client: C,
    ) -> MutexGuard<'s, State<C>> {
        while let Some(reply) = state.next_reply(key) {
            drop(state);
            let delivered = deliver(&client, reply);
            state = self.lock();
            if delivered.is_err() {
                state.close(key);
                let _ = self.gone.send(key);
            }
        }
        if let Some(queue) = state.queues.get_mut(&key) {
            queue.client = Some(client);
        }
        state
    }
}

impl<C> Shared<C> {
    fn lock(&self) -> MutexGuard<'_, State<C>> {
        // Each change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> State<C> {
    fn post(&mut self, key: ConnectionKey, reply: SyncReply) -> Result<(), Refused> {
        let queue = self.queues.get_mut(&key).ok_or(Refused)?;
        let bytes = weight(&reply);
        if queue.unread.is_empty() {
            if queue.client.is_some() {
                self.due.push_back(key);
            }
        } else if queue.unread.len() >= MAX_UNREAD_REPLIES
            || queue.bytes + bytes > MAX_UNREAD_BYTES
            || self.unread_bytes + bytes > MAX_UNREAD_BYTES_IN_ALL
        {
            return Err(Refused);
        }
        queue.unread.push_back(reply);
        queue.bytes += bytes;
        self.unread_bytes += bytes;
        Ok(())
    }

    fn next_reply(&mut self, key: ConnectionKey) -> Option<SyncReply> {
        let queue = self.queues.get_mut(&key)?;
        let reply = queue.unread.pop_front()?;
        let bytes = weight(&reply);
        queue.bytes -= bytes;
        self.unread_bytes -= bytes;
        Some(reply)
    }

    fn close(&mut self, key: ConnectionKey) {
        if let Some(queue) = self.queues.remove(&key) {
            self.unread_bytes -= queue.bytes;
        }
    }

    /// A client that keeps the thread that delivers has it for itself from now on.
    fn leave_blocked_client(&mut self, now: Instant) {
        let keeps = |(.., since): &mut (_, _, Instant)| now.duration_since(*since) >= PATIENCE;
        if let Some(Courier { with, .. }) = &mut self.courier
            && let Some((key, origin, _)) = with.take_if(keeps)
        {
            self.blocked.add(key, &origin, now);
            self.courier = None;
        }
    }

    fn is_delivering(&self) -> bool {
        let is_busy = |courier: &Courier| courier.with.is_some();
        self.courier.as_ref().is_some_and(is_busy)
            || !self.due.is_empty()
            || self.blocked.are_waited_for()
    }
}

/// One that panics is gone.
pub(crate) fn deliver(client: &impl SyncClient, reply: SyncReply) -> Result<(), ClientGone> {
    catch_unwind(AssertUnwindSafe(|| client.deliver(reply))).unwrap_or(Err(ClientGone))
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

    fn open(
        delivery: &mut Delivery<Client>,
        serial: u64,
        client: Sender<SyncReply>,
    ) -> ConnectionKey {
        let id = ConnectionId::new();
        let key = ConnectionKey { id, serial };
        let origin = "https://a.example".try_into().unwrap();
        delivery.open(key, origin, Client(client));
        key
    }

    #[test]
    fn replies_are_delivered_in_order_and_cost_nothing_after() {
        let (client, replies) = unbounded();
        let mut delivery = Delivery::new();
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
        let (client, _replies) = bounded(0);
        let mut delivery = Delivery::new();
        let key = open(&mut delivery, 1, client);
        for call in 0..MAX_UNREAD_REPLIES {
            delivery.post(key, reply(call as u64, 1)).unwrap();
        }
        assert_eq!(delivery.post(key, reply(0, 1)), Err(Refused));
        delivery.close(key);
        assert_eq!(delivery.post(key, reply(0, 1)), Err(Refused));
        assert_eq!(delivery.shared.lock().unread_bytes, 0);
    }

    #[test]
    fn replies_that_weigh_too_much_are_refused() {
        let (client, _replies) = bounded(0);
        let mut delivery = Delivery::new();
        for serial in 0..6 {
            let key = open(&mut delivery, serial, client.clone());
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
        let mut delivery = Delivery::new();
        let key = open(&mut delivery, 1, client);
        drop(replies);
        delivery.post(key, reply(1, 1)).unwrap();
        delivery.go_on();
        assert_eq!(delivery.gone().recv_timeout(SOON), Ok(key));
        assert_eq!(delivery.post(key, reply(3, 1)), Err(Refused));
        assert_eq!(delivery.shared.lock().unread_bytes, 0);
    }

    #[test]
    fn a_client_that_keeps_its_thread_keeps_no_other_client_waiting() {
        let (stubborn, unread) = bounded(0);
        let (client, replies) = unbounded();
        let mut delivery = Delivery::new();
        let stubborn = open(&mut delivery, 1, stubborn);
        let honest = open(&mut delivery, 2, client);
        delivery.post(stubborn, reply(1, 1)).unwrap();
        delivery.post(honest, reply(2, 1)).unwrap();
        let start = Instant::now();
        let reply = loop {
            let look_again = delivery.go_on().unwrap();
            if let Ok(reply) = replies.recv_deadline(look_again) {
                break reply;
            }
        };
        assert_eq!(reply.call, CallId(2));
        assert!(start.elapsed() >= PATIENCE, "the other one has its turn");
        assert_eq!(unread.recv_timeout(SOON).unwrap().call, CallId(1));
    }
}
