//! Delivers replies to clients that can block whoever delivers them. The manager's thread only queues these replies, and
//! never waits. A delivery thread, started with the first reply, serves the clients in turn. A client that blocks it for
//! longer than [`PATIENCE`] has this thread to itself from then on, and another thread serves the rest.

#[cfg(test)]
mod tests;

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

/// So long a client may keep the others waiting, and twice as long at most.
const PATIENCE: Duration = Duration::from_millis(20);

/// At the end, clients that keep threads waiting are given this time for their last replies.
const LAST_REPLIES_LIMIT: Duration = Duration::from_secs(1);

/// A connection, by its id and the number that no other one has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ConnectionKey {
    pub id: ConnectionId,
    pub serial: u64,
}

/// The manager's end.
pub(crate) struct Delivery<C: SyncClient> {
    shared: Arc<Shared<C>>,
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
    active: ActiveThread,
    /// Clients that have a thread for themselves.
    blocked: Blocked<ConnectionKey>,
    ending: bool,
}

/// The thread that takes the next client.
enum ActiveThread {
    None,
    Idle,
    With {
        key: ConnectionKey,
        origin: Origin,
        since: Instant,
    },
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
    /// Also returns where clients are told of that can't be reached any more, or do not take what they ask for: their
    /// connections have to end.
    pub fn new() -> (Self, Receiver<ConnectionKey>) {
        let (gone_out, gone) = unbounded();
        let state = State {
            queues: HashMap::new(),
            due: VecDeque::new(),
            unread_bytes: 0,
            active: ActiveThread::None,
            blocked: Blocked::new(),
            ending: false,
        };
        let shared = Shared {
            state: Mutex::new(state),
            changed: Condvar::new(),
            gone: gone_out,
        };
        let shared = Arc::new(shared);
        (Self { shared }, gone)
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

    /// Adds a reply to those that [`Delivery::go_on`] has delivered. An error means that its connection is closed, or has to
    /// end because it is over a limit.
    pub fn post(&mut self, key: ConnectionKey, reply: SyncReply) -> Result<(), ClientGone> {
        self.shared.lock().post(key, reply)
    }

    /// Has delivered what was posted: by another thread if a client keeps the one before. Gives up clients that have kept
    /// theirs for too long. Does not wait. Returns in what time it is to be called again, if not earlier.
    pub fn go_on(&mut self) -> Option<Duration> {
        let mut state = self.shared.lock();
        if !state.is_delivering() {
            return None;
        }
        let now = Instant::now();
        for key in state.blocked.give_up(now) {
            let _ = self.shared.gone.send(key);
        }
        self.shared.look_after(&mut state, now);
        let give_up = state.blocked.next_to_give_up(now);
        let is_with_one = matches!(state.active, ActiveThread::With { .. });
        let has_to_wake = matches!(state.active, ActiveThread::Idle) && !state.due.is_empty();
        let look_again = (is_with_one || has_to_wake).then_some(PATIENCE);
        // Before, or it would wait for the lock.
        drop(state);
        if has_to_wake {
            self.shared.changed.notify_all();
        }
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
    /// Has another thread deliver what is due if the client of the one before keeps it, and one more may be kept waiting.
    fn look_after(self: &Arc<Self>, state: &mut State<C>, now: Instant) {
        state.leave_blocked_client(now);
        let has_thread = !matches!(state.active, ActiveThread::None);
        if has_thread || state.due.is_empty() || !state.blocked.have_room() {
            return;
        }
        let shared = self.clone();
        let thread = thread::Builder::new().name("SyncDelivery".to_owned());
        match thread.spawn(move || shared.run()) {
            Ok(_) => state.active = ActiveThread::Idle,
            Err(error) => log::error!("replies wait for a thread: {error}"),
        }
    }

    /// Delivers until the end, or until another thread has taken over.
    fn run(&self) {
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
            state.active = ActiveThread::With {
                key,
                origin: origin.clone(),
                since: Instant::now(),
            };
            while let Some(reply) = state.next_reply(key) {
                // As long as the client likes.
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
            match &state.active {
                ActiveThread::With { key: other, .. } if *other == key => {}
                active => {
                    let has_other_thread = !matches!(active, ActiveThread::None);
                    state.blocked.release(key, &origin);
                    if has_other_thread {
                        return self.changed.notify_all();
                    }
                }
            }
            state.active = ActiveThread::Idle;
        }
        state.active = ActiveThread::None;
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

    fn lock(&self) -> MutexGuard<'_, State<C>> {
        // Each change is complete before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> State<C> {
    fn post(&mut self, key: ConnectionKey, reply: SyncReply) -> Result<(), ClientGone> {
        let queue = self.queues.get_mut(&key).ok_or(ClientGone)?;
        let bytes = weight(&reply);
        if queue.unread.is_empty() {
            if queue.client.is_some() {
                self.due.push_back(key);
            }
        } else if queue.unread.len() >= MAX_UNREAD_REPLIES
            || queue.bytes + bytes > MAX_UNREAD_BYTES
            || self.unread_bytes + bytes > MAX_UNREAD_BYTES_IN_ALL
        {
            return Err(ClientGone);
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
        if let ActiveThread::With { key, origin, since } = &self.active
            && now.duration_since(*since) >= PATIENCE
        {
            self.blocked.add(*key, origin, now);
            self.active = ActiveThread::None;
        }
    }

    fn is_delivering(&self) -> bool {
        matches!(self.active, ActiveThread::With { .. })
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
