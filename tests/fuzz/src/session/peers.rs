//! What clients and workers do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use background_sync::{EventOutcome, SyncManagerMessage};
use background_sync_traits::{CallId, ConnectionId, SyncRequest, WorkerAuthority};
use crossbeam_channel::unbounded;

use super::{IDS, Run, connection_id, forged_authority};
use crate::browser::Client;
use crate::calls::{Calls, Connection, Expects, Method};
use crate::message::{self, PlainClient};
use crate::step::{Authority, State};
use crate::world::Place;

impl Run {
    pub(super) fn connect(&mut self, id: u8, place: Place) {
        let (replies, replies_in) = unbounded();
        let gone = Arc::new(AtomicBool::new(false));
        self.send(SyncManagerMessage::Connect {
            connection: connection_id(id),
            scope: place.key(),
            client: Client::new(replies, gone.clone()),
        });
        let accepted = matches!(place, Place::Good(_)) && !self.open.contains_key(&id);
        let uncertain = self.uncertain[usize::from(id)];
        if accepted || uncertain {
            self.open.insert(id, self.all.len());
        }
        self.all.push(Connection {
            replies: replies_in,
            gone,
            asked: Calls::new(),
            expects: if uncertain {
                Expects::Anything
            } else {
                Expects::All
            },
        });
    }

    pub(super) fn request(&mut self, id: u8, call: u8, request: SyncRequest) {
        let id = id % IDS;
        let call = CallId(u64::from(call % IDS));
        let method = Method::from(&request);
        if method == Method::Unregister {
            self.engine.lock().removals = true;
        }
        let uncertain = self.uncertain[usize::from(id)];
        if let Some(&place) = self.open.get(&id)
            && !uncertain
        {
            *self.all[place].asked.entry((call, method)).or_default() += 1;
        }
        self.send(SyncManagerMessage::Request {
            connection: connection_id(id),
            call,
            request,
        });
    }

    pub(super) fn disconnect(&mut self, id: u8) {
        self.send(SyncManagerMessage::Disconnect {
            connection: connection_id(id),
        });
        if let Some(place) = self.open.remove(&id)
            && self.all[place].expects == Expects::All
        {
            self.all[place].expects = Expects::Some;
        }
    }

    pub(super) fn vanish(&mut self, id: u8) {
        if let Some(&place) = self.open.get(&id) {
            self.all[place].gone.store(true, Ordering::Relaxed);
            if self.all[place].expects == Expects::All {
                self.all[place].expects = Expects::Some;
            }
            self.uncertain[usize::from(id)] = true;
        }
    }

    /// What somebody has who says to run the workers of a place; nothing of worth for a place that can't be.
    pub(super) fn authority(&mut self, place: Place, authority: Authority) -> WorkerAuthority {
        let place = match authority {
            Authority::Given => place,
            Authority::Of(other) => other,
            Authority::MadeUp => return forged_authority(),
        };
        self.send(SyncManagerMessage::RequestAuthority { scope: place.key() });
        self.settle();
        let state = self.engine.lock();
        let given = state.authorities.get(&place.key().origin);
        given.copied().unwrap_or_else(forged_authority)
    }

    pub(super) fn finish(&mut self, number: u8, outcome: EventOutcome) {
        self.settle();
        let mut state = self.engine.lock();
        let state = &mut *state;
        let (running, over) = (state.running.len(), state.over.len());
        if running + over == 0 {
            return;
        }
        let number = usize::from(number) % (running + over);
        let event = match number.checked_sub(running) {
            Some(number) => state.over[number],
            None => {
                let event = state.running.swap_remove(number).event;
                state.over.push(event);
                event
            }
        };
        self.send(SyncManagerMessage::EventFinished { event, outcome });
    }

    pub(super) fn answer_question(&mut self, number: u8, state: Option<State>) {
        self.settle();
        let mut engine = self.engine.lock();
        let waiting = engine.questions.len();
        if waiting > 0 {
            let responder = engine.questions.swap_remove(usize::from(number) % waiting);
            if let Some(state) = state {
                responder.answer(state.into());
            }
        }
    }

    /// Goes through the codec. Requests of open connections are left to the other steps, which count
    /// them.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        use SyncManagerMessage as M;
        let Some(message) = message::decode(bytes) else {
            self.messages
                .send(Err("garbage"))
                .expect("the manager runs");
            return;
        };
        message::check(bytes);
        if matches!(message, M::WorkerUnregistered { .. }) {
            self.engine.lock().removals = true;
        }
        let known = |connection: ConnectionId| (0..IDS).any(|id| connection_id(id) == connection);
        let message = match message {
            M::Connect { connection, .. }
            | M::Request { connection, .. }
            | M::Disconnect { connection }
                if known(connection) =>
            {
                return;
            }
            M::Connect {
                connection,
                scope,
                client: PlainClient(_),
            } => {
                let client = Client::new(unbounded().0, Arc::default());
                M::Connect {
                    connection,
                    scope,
                    client,
                }
            }
            M::Request {
                connection,
                call,
                request,
            } => M::Request {
                connection,
                call,
                request,
            },
            M::Acknowledge { connection, call } => M::Acknowledge { connection, call },
            M::Disconnect { connection } => M::Disconnect { connection },
            M::EventFinished { event, outcome } => M::EventFinished { event, outcome },
            M::RequestAuthority { scope } => M::RequestAuthority { scope },
            M::ReviveWorker { scope } => M::ReviveWorker { scope },
            M::WorkerActivated { authority, scope } => M::WorkerActivated { authority, scope },
            M::StoreWorker {
                authority,
                scope,
                worker,
            } => M::StoreWorker {
                authority,
                scope,
                worker,
            },
            M::ForgetWorker { authority, scope } => M::ForgetWorker { authority, scope },
            M::WorkerUnregistered { authority, scope } => {
                M::WorkerUnregistered { authority, scope }
            }
        };
        self.send(message);
    }
}
