//! What the manager needs of a browser engine.

use std::fmt;

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

/// What it is asked for.
#[derive(Debug)]
pub(crate) enum Question {
    Register(Call, PermissionName),
    Dispatch(EventId, PermissionName),
}

pub(crate) struct QuestionAnswered {
    pub question: Question,
    /// `None`: the responder was dropped.
    pub state: Option<ClientState>,
}

/// Takes one [`ClientState`], from any thread. Dropped without an answer it answers safely: no
/// window, no permission for `register()`; and an event that was to be dispatched is kept for
/// later.
pub struct ClientStateResponder {
    question: Option<Question>,
    answers: Sender<QuestionAnswered>,
}

impl ClientStateResponder {
    pub(crate) fn new(question: Question, answers: Sender<QuestionAnswered>) -> Self {
        Self {
            question: Some(question),
            answers,
        }
    }

    /// Which permission the answer decides about. What it says of the other one is not looked at.
    #[must_use]
    pub fn permission_name(&self) -> PermissionName {
        match self.question {
            Some(Question::Register(_, name) | Question::Dispatch(_, name)) => name,
            // Answered: `answer` takes the responder, so nobody is left to ask.
            None => PermissionName::BackgroundSync,
        }
    }

    /// Whether [`ClientState::open_window`] is looked at: `register()` needs one, an event does not.
    #[must_use]
    pub fn needs_open_window(&self) -> bool {
        matches!(self.question, Some(Question::Register(..)))
    }

    /// Answers.
    pub fn answer(mut self, state: ClientState) {
        self.send(Some(state));
    }

    fn send(&mut self, state: Option<ClientState>) {
        if let Some(question) = self.question.take() {
            // An error means that the manager is gone, and with it who asked.
            let _ = self.answers.send(QuestionAnswered { question, state });
        }
    }
}

impl Drop for ClientStateResponder {
    fn drop(&mut self) {
        self.send(None);
    }
}

impl fmt::Debug for ClientStateResponder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientStateResponder")
            .field(&self.question)
            .finish()
    }
}

/// What waits for the medium.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Waiting {
    /// A `register()` call.
    Call(Call),
    /// The end of an event.
    Event(EventId, EventOutcome),
}

/// An engine has made an origin's data durable, or could not.
pub(crate) struct MadeDurable {
    pub waiting: Waiting,
    pub result: Result<(), StoreFault>,
}

/// Takes the result of [`crate::Engine::make_durable`], from any thread. Dropped without one, it says that the data are
/// not durable.
pub struct DurabilityResponder {
    waiting: Option<Waiting>,
    results: Sender<MadeDurable>,
}

impl DurabilityResponder {
    pub(crate) fn new(waiting: Waiting, results: Sender<MadeDurable>) -> Self {
        Self {
            waiting: Some(waiting),
            results,
        }
    }

    /// What the origin had committed when it was asked for is on the medium, or `fault` is why not.
    pub fn answer(mut self, result: Result<(), StoreFault>) {
        self.send(result);
    }

    fn send(&mut self, result: Result<(), StoreFault>) {
        if let Some(waiting) = self.waiting.take() {
            // An error means that the manager is gone, and with it who asked.
            let _ = self.results.send(MadeDurable { waiting, result });
        }
    }
}

impl Drop for DurabilityResponder {
    fn drop(&mut self) {
        self.send(Err(StoreFault::failed(
            "the engine did not say whether the site's data are durable",
        )));
    }
}

impl fmt::Debug for DurabilityResponder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DurabilityResponder")
            .field(&self.waiting)
            .finish()
    }
}

/// What the manager needs of a browser engine. Called on the manager's thread: nothing here may
/// block.
pub trait Engine: Send + 'static {
    /// Asks for the state of the clients of `scope`'s origin, for a `register()` call and again
    /// right before an event is dispatched. Answer from anywhere, soon.
    fn query_client_state(&self, scope: &ScopeKey, responder: ClientStateResponder);

    /// Brings everything that `scope`'s origin has committed to other stores (IndexedDB, `localStorage`, the Cache API,
    /// cookies) to the medium. Asked for with each `register()`, which is answered only after it, and at the end of each
    /// event, before its registration is removed. Costs nothing where nothing is to be flushed: then answer at once.
    ///
    /// An engine without such stores, or whose embedder does not want the barrier, leaves this as it is.
    fn make_durable(&self, scope: &ScopeKey, responder: DurabilityResponder) {
        let _ = scope;
        responder.answer(Ok(()));
    }

    /// Fires an event in the active worker of its service worker registration. Ends with
    /// [`background_sync_traits::SyncManagerMessage::EventFinished`].
    fn dispatch(&self, event: DispatchedEvent);

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
