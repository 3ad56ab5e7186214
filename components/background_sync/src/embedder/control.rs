//! The embedder's handle: it asks the manager about registrations, and changes them.

use std::fmt;
use std::thread::JoinHandle;
use std::time::Duration;

use background_sync_core::{
    Connectivity, DispatchError, EventOutcome, ExtraInterval, JournalEntry, KnownWorker, MonoTime,
    Now, Origin, PermissionName, RegistrationInfo, RemoveError, ScopeKey, SyncApi, SyncScheduler,
    Tag,
};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use url::Url;

use super::journal::{Journal, JournalQuery, WhyReport};
use crate::time::clock;

pub(crate) enum ControlMessage {
    Connectivity(Connectivity),
    Query(Query),
    Change(Change),
    Shutdown,
}

/// What identifies a registration.
pub(crate) struct RegistrationName {
    pub api: SyncApi,
    pub scope: ScopeKey,
    pub tag: Tag,
}

/// What a query is answered from.
pub(crate) struct View<'m> {
    pub now: Now,
    pub scheduler: &'m SyncScheduler,
    /// Includes everything that has happened so far.
    pub journal: &'m mut Journal,
    /// When the manager has something to do by itself.
    pub deadline: Option<MonoTime>,
}

/// Sends its answer.
pub(crate) type Query = Box<dyn FnOnce(View<'_>) + Send>;

/// What changes what is stored.
pub(crate) enum Change {
    DispatchNow(
        RegistrationName,
        Sender<Result<EventOutcome, DispatchError>>,
    ),
    Unregister(RegistrationName, Sender<Result<u64, RemoveError>>),
    Clear(Clear, Sender<Result<u64, RemoveError>>),
    ExtraInterval(Origin, ExtraInterval),
    Revoked(Origin, PermissionName),
    /// By the engine.
    WorkerUnregistered(ScopeKey),
}

/// What [`SyncManagerControl::clear`] removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clear {
    /// Everything.
    All,
    /// One origin.
    Origin(Origin),
    /// One service worker registration.
    Scope(ScopeKey),
    /// A host and everything below it: `example.com` includes `shop.example.com`.
    Site(String),
}

impl Clear {
    pub(crate) fn chooses(&self, scope: &ScopeKey) -> bool {
        match self {
            Self::All => true,
            Self::Origin(origin) => scope.origin == *origin,
            Self::Scope(wanted) => scope == wanted,
            Self::Site(site) => {
                let url = Url::parse(scope.origin.as_str());
                let host = url.as_ref().ok().and_then(|url| url.host_str());
                host.and_then(|host| host.strip_suffix(site.as_str()))
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
        }
    }
}

/// The manager has ended, or ended before it answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("background sync has ended")]
pub struct ManagerGone;

/// An answer that is on its way. Do not wait for one inside [`crate::Engine`] or
/// [`crate::Embedder`]: they run on the thread that answers.
pub struct Reply<T>(Receiver<T>);

impl<T> Reply<T> {
    /// Waits for the answer.
    ///
    /// # Errors
    /// [`ManagerGone`].
    pub fn wait(self) -> Result<T, ManagerGone> {
        self.0.recv().map_err(|_| ManagerGone)
    }

    /// Waits for the answer, but not longer than this. `None`: not there yet, or the manager is
    /// gone.
    #[must_use]
    pub fn wait_timeout(&self, limit: Duration) -> Option<T> {
        self.0.recv_timeout(limit).ok()
    }

    /// The channel on which the answer comes, for `select!`.
    #[must_use]
    pub fn receiver(&self) -> &Receiver<T> {
        &self.0
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reply(..)")
    }
}

/// Speaks to a running manager, from any thread. Harmless after the manager has ended.
#[derive(Clone, Debug)]
pub struct SyncManagerControl {
    sender: Sender<ControlMessage>,
}

impl SyncManagerControl {
    /// Also returns where it is heard.
    pub(crate) fn new() -> (Self, Receiver<ControlMessage>) {
        let (sender, control) = unbounded();
        (Self { sender }, control)
    }

    /// The network came or went. Reporting what is known already is harmless.
    pub fn report_connectivity(&self, connectivity: Connectivity) {
        self.send(ControlMessage::Connectivity(connectivity));
    }

    /// All registrations, and what each waits for.
    #[must_use]
    pub fn list(&self) -> Reply<Vec<RegistrationInfo>> {
        self.ask(|view| view.scheduler.list(view.now).collect())
    }

    /// Why what this API registered has not fired, and what happened to it last. The APIs share no
    /// namespace: the answer is about this one alone. For registrations of the explainer of 2014,
    /// `tag` is the id.
    #[must_use]
    pub fn why_not_fired(&self, api: SyncApi, scope: ScopeKey, tag: Tag) -> Reply<WhyReport> {
        self.ask(move |view| {
            let why = view.scheduler.explain(view.now, api, &scope, &tag);
            view.journal.report(why, api, &scope, &tag)
        })
    }

    /// Fires a registration's event now, whatever it waits for (network, back-off, interval, its
    /// turn); the answer is the event's outcome. What follows is as always: of what repeats, the next
    /// interval begins now, for the registration and for its origin.
    #[must_use]
    pub fn dispatch_now(
        &self,
        api: SyncApi,
        scope: ScopeKey,
        tag: Tag,
    ) -> Reply<Result<EventOutcome, DispatchError>> {
        self.ask_for(|reply| Change::DispatchNow(RegistrationName { api, scope, tag }, reply))
    }

    /// Removes one registration, durably; the answer is how many there were (0 or 1). An event that
    /// runs goes on, and its outcome is ignored.
    pub fn unregister(
        &self,
        api: SyncApi,
        scope: ScopeKey,
        tag: Tag,
    ) -> Reply<Result<u64, RemoveError>> {
        self.ask_for(|reply| Change::Unregister(RegistrationName { api, scope, tag }, reply))
    }

    /// Removes registrations, their history and the scripts that their workers are started from after
    /// a restart, as for clearing site data; the answer is how many registrations there were, and comes
    /// when all of it is durable. An event that runs goes on, and its outcome is ignored. A worker that
    /// the engine still has may be kept again when it is activated the next time.
    pub fn clear(&self, what: Clear) -> Reply<Result<u64, RemoveError>> {
        self.ask_for(|reply| Change::Clear(what, reply))
    }

    /// Sets what is added to the least interval between an origin's periodic events, for instance by
    /// how much its user cares for it; [`ExtraInterval::Never`] suspends them until another amount is
    /// set. It is stored, and stays in force when the origin's data are cleared.
    pub fn set_extra_interval(&self, origin: Origin, extra: ExtraInterval) {
        self.send(ControlMessage::Change(Change::ExtraInterval(origin, extra)));
    }

    /// The user has taken a permission from an origin: all registrations that need it are removed,
    /// durably. Not needed for it to take effect, because the permission is checked before each event,
    /// but it is then in effect at once.
    pub fn report_permission_revoked(&self, origin: Origin, name: PermissionName) {
        self.send(ControlMessage::Change(Change::Revoked(origin, name)));
    }

    /// In what time the manager has something to do by itself. `None`: only if something happens.
    /// For devices that sleep meanwhile.
    #[must_use]
    pub fn next_wakeup(&self) -> Reply<Option<Duration>> {
        self.ask(|view| {
            let due = view.scheduler.next_due(view.now).into_iter();
            let next = due.chain(view.deadline).min();
            next.map(|at| clock::sleep_until(at, view.now.mono))
        })
    }

    /// What happened, oldest first.
    #[must_use]
    pub fn journal(&self, query: JournalQuery) -> Reply<Vec<JournalEntry>> {
        self.ask(move |view| view.journal.list(&query))
    }

    /// What happens from now on. A subscriber that falls far behind loses its subscription.
    ///
    /// # Errors
    /// [`ManagerGone`].
    pub fn subscribe(&self) -> Result<Receiver<JournalEntry>, ManagerGone> {
        self.ask(|view| view.journal.subscribe()).wait()
    }

    fn ask<T: Send + 'static>(
        &self,
        look: impl FnOnce(View<'_>) -> T + Send + 'static,
    ) -> Reply<T> {
        let (reply, answer) = bounded(1);
        // Whoever asked and does not wait for the answer any more has no use for it.
        let query = move |view: View<'_>| drop(reply.send(look(view)));
        self.send(ControlMessage::Query(Box::new(query)));
        Reply(answer)
    }

    fn ask_for<T>(&self, change: impl FnOnce(Sender<T>) -> Change) -> Reply<T> {
        let (reply, answer) = bounded(1);
        self.send(ControlMessage::Change(change(reply)));
        Reply(answer)
    }

    fn send(&self, message: ControlMessage) {
        // An error means that the manager has ended.
        let _ = self.sender.send(message);
    }
}

/// A running manager. Dropping it ends the manager as [`SyncManagerThread::shutdown`] does.
#[derive(Debug)]
pub struct SyncManagerThread {
    control: SyncManagerControl,
    thread: Option<JoinHandle<()>>,
    known_workers: Vec<KnownWorker>,
}

impl SyncManagerThread {
    pub(crate) fn new(
        control: SyncManagerControl,
        thread: Option<JoinHandle<()>>,
        known_workers: Vec<KnownWorker>,
    ) -> Self {
        Self {
            control,
            thread,
            known_workers,
        }
    }

    /// The workers that an earlier run has kept, for an engine whose pages are to find their service worker registrations
    /// before any event has started them. An engine that needs one's scripts asks with
    /// [`background_sync_traits::SyncManagerMessage::ReviveWorker`].
    #[must_use]
    pub fn known_workers(&self) -> &[KnownWorker] {
        &self.known_workers
    }

    /// A handle to control the manager, from any thread.
    #[must_use]
    pub fn control(&self) -> SyncManagerControl {
        self.control.clone()
    }

    /// Ends it: commits what waits, answers every call, terminates events that run. They are retried
    /// after the next start. Returns when the store is closed.
    pub fn shutdown(self) {}
}

impl Drop for SyncManagerThread {
    fn drop(&mut self) {
        self.control.send(ControlMessage::Shutdown);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the SyncManager thread had panicked");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_a_host_and_what_is_below_it() {
        let chooses = |site: &str, origin: &str| {
            let scope = format!("{origin}/");
            let scope = scope.as_str().try_into().unwrap();
            let scope = ScopeKey {
                origin: origin.try_into().unwrap(),
                scope,
            };
            Clear::Site(site.to_owned()).chooses(&scope)
        };
        assert!(chooses("example.com", "https://example.com"));
        assert!(chooses("example.com", "http://shop.example.com:8080"));
        assert!(!chooses("example.com", "https://badexample.com"));
        assert!(!chooses("example.com", "https://example.com.evil.test"));
    }
}
