//! Who does the manager's work when a client does not take its reply.
//!
//! The manager's thread hands replies over by itself, so that the usual one costs no other thread. Meanwhile it puts
//! its work down where another thread can find it. If a client keeps it for longer than [`PATIENCE`], another thread
//! takes the work up and goes on; the first one ends when that client lets it go. So a client delays the others once,
//! and shortly. Who watches sleeps without a timer while nothing is handed over.

mod blocked;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use background_sync_traits::SyncClient;
use crossbeam_channel::Sender;

use crate::mailbox::{ConnectionKey, HandedOver, Mailbox};
use blocked::{Blocked, Handing};

/// Clients that each keep a thread waiting, at the same time. Beyond that, replies wait for one of them to take its own,
/// to go away or to be given up; a client that is gone takes no thread.
pub const MAX_BLOCKED_CLIENTS: usize = 64;

/// Such clients of one origin, those that were given up included. Another connection of that origin ends instead of being
/// handed a reply.
pub const MAX_BLOCKED_CLIENTS_PER_ORIGIN: usize = 8;

/// The same of one site: of hosts that may have one owner.
pub const MAX_BLOCKED_CLIENTS_PER_SITE: usize = 16;

/// A client that keeps a thread waiting for longer than this, in milliseconds, is given up: its connection ends, and it
/// holds up nobody any more.
pub const BLOCKED_CLIENT_LIMIT_MS: u64 = 5_000;

/// Threads that wait for clients that were given up: they end with those. Beyond that, replies wait. It takes the clients
/// of 64 sites that keep their channels and never read.
pub const MAX_GIVEN_UP_CLIENTS: usize = 1_024;

/// So long a client may keep the manager waiting, and at most twice as long.
const PATIENCE: Duration = Duration::from_millis(20);

/// At the end, clients that keep threads waiting are given this time for their last replies.
const LAST_REPLIES_LIMIT: Duration = Duration::from_secs(1);

/// What a client that kept a thread waiting did in the end.
pub(crate) type Released = (ConnectionKey, HandedOver);

/// Work that one thread at a time does.
pub(crate) trait Work: Send + 'static {
    type Client: SyncClient;

    /// Waits for something to do, and does it. Hands nothing over.
    fn turn(&mut self) -> Flow;

    /// A mailbox that has replies.
    fn next_due(&mut self) -> Option<Arc<Mailbox<Self::Client>>>;

    /// Its client is gone, or has to be treated as if it were.
    fn handle_client_gone(&mut self, key: ConnectionKey);

    /// Prepares the end; the last replies are handed over after it. Called once.
    fn finish(&mut self);
}

/// Whether the work goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Continue,
    Stop,
}

/// Starts the threads. The one that is returned ends when the work has ended.
pub(crate) fn spawn<W: Work>(
    work: W,
    released: Sender<Released>,
) -> std::io::Result<JoinHandle<()>> {
    let work = Box::new(Job {
        work,
        finished: false,
    });
    let crew = Arc::new(Crew {
        desk: Mutex::new(Desk {
            put_down: Some(work),
            leader: None,
            handing_to: None,
            round: 0,
            watched: false,
            ended: false,
            blocked: Blocked::default(),
        }),
        changed: Condvar::new(),
        let_go: Condvar::new(),
        released,
    });
    let leader = start_leader(&crew)?;
    crew.lock().leader = Some(leader);
    let watch = thread::Builder::new().name("SyncWatch".to_owned());
    watch
        .spawn({
            let crew = crew.clone();
            move || crew.watch()
        })
        .inspect_err(|_| crew.end())
}

struct Job<W> {
    work: W,
    finished: bool,
}

struct Crew<W> {
    desk: Mutex<Desk<W>>,
    /// Something is handed over for the first time in a while, or the work has ended.
    changed: Condvar,
    /// A client took what it had kept a thread waiting with.
    let_go: Condvar,
    released: Sender<Released>,
}

struct Desk<W> {
    /// While a reply is handed over, and before a new leader has begun.
    put_down: Option<Box<Job<W>>>,
    /// Who has the work, or took it up last.
    leader: Option<JoinHandle<()>>,
    /// The client that whoever put the work down is waiting for.
    handing_to: Option<Handing>,
    /// Counts what is handed over.
    round: u64,
    /// Whether somebody looks at the rounds.
    watched: bool,
    ended: bool,
    blocked: Blocked,
}

impl<W: Work> Crew<W> {
    /// Takes the work up, and does it until it ends or somebody else has taken it up.
    fn lead(&self) {
        let Some(mut job) = self.lock().put_down.take() else {
            return;
        };
        loop {
            while self.lock().blocked.have_room()
                && let Some(mailbox) = job.work.next_due()
            {
                match self.hand_over(job, &mailbox) {
                    Some(same) => job = same,
                    None => return,
                }
            }
            if job.finished {
                break;
            }
            if job.work.turn() == Flow::Stop {
                job.work.finish();
                job.finished = true;
            }
        }
        let waits = |desk: &mut Desk<W>| desk.blocked.are_waited_for();
        // Whether in time or not: this is the end.
        drop(
            self.let_go
                .wait_timeout_while(self.lock(), LAST_REPLIES_LIMIT, waits),
        );
        drop(job);
        self.end();
    }

    /// Puts the work down meanwhile. Returns it if nobody else has taken it up.
    fn hand_over(&self, mut job: Box<Job<W>>, mailbox: &Mailbox<W::Client>) -> Option<Box<Job<W>>> {
        let mut desk = self.lock();
        if desk.blocked.are_too_many_of(&mailbox.origin) {
            drop(desk);
            job.work.handle_client_gone(mailbox.key);
            return Some(job);
        }
        desk.round += 1;
        let round = desk.round;
        desk.put_down = Some(job);
        desk.handing_to = Some(Handing {
            round,
            key: mailbox.key,
            origin: mailbox.origin.clone(),
        });
        if !std::mem::replace(&mut desk.watched, true) {
            self.changed.notify_one();
        }
        drop(desk);

        let handing_over = catch_unwind(AssertUnwindSafe(|| mailbox.hand_over()));
        let result = handing_over.unwrap_or(HandedOver::ClientGone);

        let mut desk = self.lock();
        if desk.round != round {
            desk.blocked.release(round, &mailbox.origin);
            drop(desk);
            self.let_go.notify_all();
            // An error means that the work has ended.
            let _ = self.released.send((mailbox.key, result));
            return None;
        }
        desk.handing_to = None;
        let mut job = desk.put_down.take()?;
        drop(desk);
        if result == HandedOver::ClientGone {
            job.work.handle_client_gone(mailbox.key);
        }
        Some(job)
    }

    /// Has another thread take the work up when a client keeps it from being done.
    fn watch(self: &Arc<Self>) {
        let mut desk = self.lock();
        while !desk.ended {
            for key in desk.blocked.give_up(Instant::now()) {
                // For the manager it is gone. An error means that the work has ended.
                let _ = self.released.send((key, HandedOver::ClientGone));
            }
            let watched = desk.watched;
            let limit = match watched {
                true => Some(PATIENCE),
                false => desk.blocked.next_to_give_up(Instant::now()),
            };
            let Some(limit) = limit else {
                let changed = self.changed.wait(desk);
                desk = changed.unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let round = desk.round;
            let waited = self.changed.wait_timeout(desk, limit);
            desk = waited.unwrap_or_else(PoisonError::into_inner).0;
            if !watched || desk.round != round {
                continue;
            }
            let Some(handing) = desk.handing_to.clone() else {
                desk.watched = false;
                continue;
            };
            // Whoever waits for the client can't do anything before this thread lets go of the desk.
            match start_leader(self) {
                Ok(leader) => {
                    desk.leader = Some(leader);
                    desk.round += 1;
                    desk.handing_to = None;
                    desk.blocked.add(handing, Instant::now());
                }
                Err(error) => log::error!("a client blocks background sync: {error}"),
            }
        }
        // Nothing of it goes on after the end, but threads that wait for their clients.
        let leader = desk.leader.take();
        drop(desk);
        if let Some(leader) = leader {
            // It has told of its panic.
            let _ = leader.join();
        }
    }

    /// The work is gone.
    fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Desk<W>> {
        // Each change is complete before anything can panic.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread that does the work; several wait for their clients.
fn start_leader<W: Work>(crew: &Arc<Crew<W>>) -> std::io::Result<JoinHandle<()>> {
    let thread = thread::Builder::new().name("SyncManager".to_owned());
    let crew = crew.clone();
    thread.spawn(move || {
        if catch_unwind(AssertUnwindSafe(|| crew.lead())).is_err() {
            log::error!("the SyncManager thread had panicked");
            crew.end();
        }
    })
}
