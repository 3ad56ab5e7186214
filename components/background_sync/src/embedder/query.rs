//! What the embedder asks about.

use std::time::Duration;

use background_sync_core::{
    JournalEntry, MonoTime, Now, RegistrationInfo, ScopeKey, SyncApi, SyncScheduler, Tag,
};
use crossbeam_channel::{Receiver, Sender};

use super::journal::{Journal, JournalQuery, WhyReport};
use crate::time::clock;

/// Each with where the answer goes.
pub(crate) enum Query {
    List(Sender<Vec<RegistrationInfo>>),
    Why {
        api: SyncApi,
        scope: ScopeKey,
        tag: Tag,
        reply: Sender<WhyReport>,
    },
    NextWakeup(Sender<Option<Duration>>),
    Journal {
        query: JournalQuery,
        reply: Sender<Vec<JournalEntry>>,
    },
    Subscribe(Sender<Receiver<JournalEntry>>),
}

impl Query {
    /// `deadline` is when the manager has something to do by itself. All that has happened is in the journal.
    pub fn answer(
        self,
        now: Now,
        scheduler: &SyncScheduler,
        journal: &mut Journal,
        deadline: Option<MonoTime>,
    ) {
        // Whoever asked and does not wait for the answer any more has no use for it.
        let _ = match self {
            Self::List(reply) => reply.send(scheduler.list(now).collect()).is_ok(),
            Self::Why {
                api,
                scope,
                tag,
                reply,
            } => {
                let why = scheduler.explain(now, api, &scope, &tag);
                reply.send(journal.report(why, api, &scope, &tag)).is_ok()
            }
            Self::NextWakeup(reply) => {
                let due = scheduler.next_due(now);
                let next = deadline.into_iter().chain(due).min();
                reply
                    .send(next.map(|at| clock::sleep_until(at, now.mono)))
                    .is_ok()
            }
            Self::Journal { query, reply } => reply.send(journal.list(&query)).is_ok(),
            Self::Subscribe(reply) => reply.send(journal.subscribe()).is_ok(),
        };
    }
}
