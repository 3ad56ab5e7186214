//! The thread's loop: it sleeps until something happens, then has the manager handle everything that waits.

use std::fmt::Display;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use background_sync_core::Now;
use background_sync_traits::{SyncClient, SyncManagerMessage};
use crossbeam_channel::{Receiver, never, select};

use super::Manager;
use crate::edge::ConnectionKey;
use crate::embedder::ControlMessage;
use crate::engine::{MadeDurable, QuestionAnswered};
use crate::storage::{Committed, Found, FromWorkers, Others};
use crate::time::alarm::Alarm;
use crate::time::clock;

/// Messages that are handled before deadlines are looked at again.
const MAX_MESSAGES_PER_TURN: usize = 1_024;

/// At the end, the store is given this time.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// The manager, and where everything comes in.
pub(super) struct EventLoop<C: SyncClient, E> {
    pub manager: Manager<C>,
    pub messages: Receiver<Result<SyncManagerMessage<C>, E>>,
    pub control: Receiver<ControlMessage>,
    pub answered: Receiver<QuestionAnswered>,
    pub made_durable: Receiver<MadeDurable>,
    pub gone: Receiver<ConnectionKey>,
    pub committed: Receiver<Committed>,
    pub from_workers: Receiver<FromWorkers>,
    pub alarm: Alarm,
}

impl<C: SyncClient, E: Display> EventLoop<C, E> {
    /// Until the end. `found` is what the store had when it was opened.
    pub fn run(mut self, found: Option<Found>) {
        if let Some(found) = found {
            self.manager.adopt(clock::now(), found);
        }
        while self.turn().is_continue() {}
        self.finish();
    }

    fn turn(&mut self) -> ControlFlow<()> {
        let now = clock::now();
        let mut wake_at = self.manager.rest(now);
        while self.manager.write_held(self.others()) {
            wake_at = self.manager.rest(clock::now());
        }
        // Not before: whoever is woken by this may take the processor.
        self.manager.calls.rooms.notifier.tell();
        let timer = self.alarm.set(wake_at, clock::now().mono);
        let manager = &mut self.manager;
        let mut flow = ControlFlow::Continue(());
        select! {
            recv(self.messages) -> message => match message {
                Ok(message) => manager.handle_message(clock::now(), message, self.messages.len()),
                Err(_) => self.messages = never(),
            },
            recv(self.control) -> message => match message {
                Ok(message) => flow = manager.handle_control(clock::now(), message),
                Err(_) => flow = ControlFlow::Break(()),
            },
            recv(self.answered) -> answered => if let Ok(answered) = answered {
                manager.handle_answered(clock::now(), answered);
            },
            recv(self.made_durable) -> made => if let Ok(made) = made {
                manager.handle_made_durable(clock::now(), made);
            },
            recv(self.gone) -> key => if let Ok(key) = key {
                manager.handle_client_gone(clock::now(), key);
            },
            recv(self.from_workers) -> news => match news {
                Ok(news) => manager.handle_from_workers(clock::now(), news),
                Err(_) => {
                    self.from_workers = never();
                    manager.handle_workers_gone(clock::now());
                }
            },
            recv(self.committed) -> committed => match committed {
                Ok(committed) => manager.handle_committed(clock::now(), committed),
                Err(_) => flow = ControlFlow::Break(()),
            },
            recv(timer) -> _ => {},
            recv(self.alarm.rings()) -> ring => if ring.is_err() {
                self.alarm.handle_broken();
            },
        }
        let now = clock::now();
        if flow.is_continue() {
            flow = self.drain(now);
        } else {
            // What came before the end counts, such as the outcome of an event.
            self.drain_messages(now);
        }
        self.manager.handle_timeout(now);
        // Or a commit would be handed over, as somebody seems to wait.
        if flow.is_continue() && self.drain_answered(now) {
            self.manager.carry_out(now);
        }
        flow
    }

    /// Whoever waits for the manager.
    fn others(&self) -> Others {
        let nobody = self.messages.is_empty()
            && self.control.is_empty()
            && self.answered.is_empty()
            && self.committed.is_empty();
        match nobody {
            true => Others::Nobody,
            false => Others::Waiting,
        }
    }

    /// Handles what waits already, so that one commit is enough for all of it.
    fn drain(&mut self, now: Now) -> ControlFlow<()> {
        for committed in self.committed.try_iter().take(MAX_MESSAGES_PER_TURN) {
            self.manager.handle_committed(now, committed);
        }
        self.drain_messages(now);
        self.drain_answered(now);
        for made in self.made_durable.try_iter().take(MAX_MESSAGES_PER_TURN) {
            self.manager.handle_made_durable(now, made);
        }
        while let Ok(message) = self.control.try_recv() {
            self.manager.handle_control(now, message)?;
        }
        ControlFlow::Continue(())
    }

    /// What an engine has answered that answers at once. Returns whether there was something.
    fn drain_answered(&mut self, now: Now) -> bool {
        let mut is_any = false;
        for answered in self.answered.try_iter().take(MAX_MESSAGES_PER_TURN) {
            self.manager.handle_answered(now, answered);
            is_any = true;
        }
        is_any
    }

    fn drain_messages(&mut self, now: Now) {
        for message in self.messages.try_iter().take(MAX_MESSAGES_PER_TURN) {
            let behind = self.messages.len();
            self.manager.handle_message(now, message, behind);
        }
    }

    /// The end: nothing is dispatched any more, everything is committed, every call is answered.
    fn finish(mut self) {
        let end = Instant::now() + SHUTDOWN_LIMIT;
        let manager = &mut self.manager;
        while manager.waits_for_data()
            && let Ok(made) = self.made_durable.recv_deadline(end)
        {
            manager.handle_made_durable(clock::now(), made);
        }
        manager.begin_end(clock::now());
        while manager.commit_last(clock::now()) {
            match self.committed.recv_deadline(end) {
                Ok(results) => manager.handle_committed(clock::now(), results),
                Err(_) => {
                    log::error!("the store did not finish in time at the end");
                    break;
                }
            }
        }
        while manager.calls.rooms.embedder_answers.wait_for_workers()
            && let Ok(news) = self.from_workers.recv_deadline(end)
        {
            manager.handle_from_workers(clock::now(), news);
        }
        manager.end(clock::now());
    }
}
