//! What the manager needs from a browser engine: the trait [`Engine`], and the responders by which an engine answers.

use background_sync_core::{
    Call, EventId, EventOutcome, Permission, PermissionName, StoreFault, StoredWorker,
};
use background_sync_traits::{DispatchedEvent, EventToken, ScopeKey};
use crossbeam_channel::Sender;

/// What is true of the clients of a service worker registration's origin at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientState {
    /// Whether a [window client](https://w3c.github.io/ServiceWorker/#dfn-window-client) that is
    /// top-level or auxiliary exists for the origin.
    pub open_window: bool,
    /// The origin's `background-sync` permission; granted by default.
    pub permission: Permission,
    /// The origin's `periodic-background-sync` permission; denied unless the embedder grants it.
    pub periodic_permission: Permission,
}

impl ClientState {
    /// With the default permissions: `background-sync` granted, `periodic-background-sync` denied.
    #[must_use]
    pub fn new(open_window: bool) -> Self {
        Self {
            open_window,
            permission: Permission::Granted,
            periodic_permission: Permission::Denied,
        }
    }

    /// What a call or an event is refused for.
    pub(crate) fn nothing_granted() -> Self {
        Self {
            permission: Permission::Denied,
            ..Self::new(false)
        }
    }

    pub(crate) fn permission_for(self, name: PermissionName) -> Permission {
        match name {
            PermissionName::BackgroundSync => self.permission,
            // What is asked about is what the engine has decided on: it knows the name.
            PermissionName::PeriodicBackgroundSync | PermissionName::Notifications => {
                self.periodic_permission
            }
        }
    }
}

/// What an engine was asked about, and its answer.
pub(crate) struct Answered<Q, A> {
    pub about: Q,
    pub answer: A,
}

/// Sends one answer; the default if it is dropped before.
#[derive(Debug)]
struct Owed<Q, A> {
    about: Option<Q>,
    answers: Sender<Answered<Q, A>>,
    default: fn() -> A,
}

impl<Q, A> Owed<Q, A> {
    fn send(&mut self, answer: A) {
        if let Some(about) = self.about.take() {
            // An error means that the manager is gone, and with it who asked.
            let _ = self.answers.send(Answered { about, answer });
        }
    }
}

impl<Q, A> Drop for Owed<Q, A> {
    fn drop(&mut self) {
        self.send((self.default)());
    }
}

/// What a [`ClientState`] is asked for.
#[derive(Debug)]
pub(crate) enum Question {
    Register(Call, PermissionName),
    /// Of one origin.
    Dispatch(Vec<EventId>, PermissionName),
}

/// `None`: the responder was dropped.
pub(crate) type QuestionAnswered = Answered<Question, Option<ClientState>>;

/// Takes one [`ClientState`], from any thread. Dropped without an answer it answers safely: no
/// window, no permission for `register()`; and an event that was to be dispatched is kept for
/// later.
#[derive(Debug)]
pub struct ClientStateResponder(Owed<Question, Option<ClientState>>);

impl ClientStateResponder {
    pub(crate) fn new(question: Question, answers: Sender<QuestionAnswered>) -> Self {
        Self(Owed {
            about: Some(question),
            answers,
            default: || None,
        })
    }

    /// The permission that the answer decides about. What the answer says about the other one is ignored.
    #[must_use]
    pub fn permission_name(&self) -> PermissionName {
        match &self.0.about {
            Some(Question::Register(_, name) | Question::Dispatch(_, name)) => *name,
            // Answered: `answer` takes the responder, so nobody is left to ask.
            None => PermissionName::BackgroundSync,
        }
    }

    /// Whether [`ClientState::open_window`] matters: `register()` needs an open window, an event does not.
    #[must_use]
    pub fn needs_open_window(&self) -> bool {
        matches!(self.0.about, Some(Question::Register(..)))
    }

    /// Sends the answer.
    pub fn answer(mut self, state: ClientState) {
        self.0.send(Some(state));
    }
}

/// What of one origin waits for the medium.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// `register()` calls.
    pub calls: Vec<Call>,
    /// The ends of events.
    pub events: Vec<(EventId, EventOutcome)>,
}

/// An engine has made an origin's data durable, or could not.
pub(crate) type MadeDurable = Answered<Waiting, Result<(), StoreFault>>;

/// Takes the result of [`crate::Engine::make_durable`], from any thread. Dropped without one, it says that the data are
/// not durable.
#[derive(Debug)]
pub struct DurabilityResponder(Owed<Waiting, Result<(), StoreFault>>);

impl DurabilityResponder {
    pub(crate) fn new(waiting: Waiting, results: Sender<MadeDurable>) -> Self {
        Self(Owed {
            about: Some(waiting),
            answers: results,
            default: || {
                Err(StoreFault::failed(
                    "the engine did not say whether the site's data are durable",
                ))
            },
        })
    }

    /// Reports that what the origin had committed when this was asked for is on the medium, or why it is not.
    pub fn answer(mut self, result: Result<(), StoreFault>) {
        self.0.send(result);
    }
}

/// What the manager needs of a browser engine. Called on the manager's thread: nothing here may
/// block.
pub trait Engine: Send + 'static {
    /// Asks for the state of the clients of `scope`'s origin, for a `register()` call and again
    /// right before events of the origin are dispatched. Answer from anywhere, soon.
    fn query_client_state(&self, scope: &ScopeKey, responder: ClientStateResponder);

    /// Brings everything that `scope`'s origin has committed to other stores (IndexedDB, `localStorage`, the Cache API,
    /// cookies) to the medium. Asked for with each `register()`, which is answered only after it, and at the end of events,
    /// before their registrations are removed. Costs nothing where nothing is to be flushed: then answer at once.
    ///
    /// An engine without such stores, or whose embedder does not want the barrier, leaves this as it is.
    fn make_durable(&self, scope: &ScopeKey, responder: DurabilityResponder) {
        let _ = scope;
        responder.answer(Ok(()));
    }

    /// Fires an event in the active worker of its service worker registration. Ends with
    /// [`background_sync_traits::SyncManagerMessage::EventFinished`].
    fn dispatch(&self, event: DispatchedEvent);

    /// Fires events that are ready at the same time, in this order: those of a `register()` that comes alone one by one,
    /// thousands when the network returns. An engine whose messages cost something sends those of an origin in one.
    fn dispatch_many(&self, events: Vec<DispatchedEvent>) {
        for event in events {
            self.dispatch(event);
        }
    }

    /// A service worker registration that the engine does not know since it started has events to
    /// handle: start its worker from what was kept of it. Say so with
    /// [`background_sync_traits::SyncManagerMessage::WorkerActivated`]. An engine that can't leaves
    /// this as it is: the events then wait for a page to register the worker again.
    fn start_worker(&self, scope: &ScopeKey, worker: StoredWorker) {
        let _ = (scope, worker);
    }

    /// The event passed its cap, or the manager ends: terminate the worker that handles it. No
    /// outcome is expected any more.
    fn terminate(&self, event: EventToken, scope: &ScopeKey);
}
