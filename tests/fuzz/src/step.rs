//! What happens in a session.

use arbitrary::Arbitrary;
use background_sync::{ClientState, EventOutcome, Permission, SyncApi};
use background_sync_traits::{ExplainerOptions, Recurrence, SyncData, TextTooLong};

use crate::world::Place;

/// One thing that happens.
#[derive(Arbitrary, Debug)]
#[expect(missing_docs, reason = "as the messages of the same names")]
pub enum Step {
    Connect {
        id: u8,
        place: Place,
    },
    Register {
        id: u8,
        call: u8,
        tag: u8,
        inactive: bool,
    },
    RegisterTooLong {
        id: u8,
        call: u8,
        bytes: usize,
    },
    GetTags {
        id: u8,
        call: u8,
    },
    RegisterPeriodic {
        id: u8,
        call: u8,
        tag: u8,
        interval_ms: u16,
        inactive: bool,
    },
    UnregisterPeriodic {
        id: u8,
        call: u8,
        tag: u8,
    },
    GetPeriodicTags {
        id: u8,
        call: u8,
    },
    RegisterExplainer {
        id: u8,
        call: u8,
        tag: u8,
        options: Options,
        inactive: bool,
    },
    UnregisterExplainer {
        id: u8,
        call: u8,
        tag: u8,
    },
    GetExplainerIds {
        id: u8,
        call: u8,
    },
    QueryPermission {
        id: u8,
        call: u8,
        periodic: bool,
    },
    Acknowledge {
        id: u8,
        call: u8,
    },
    Disconnect {
        id: u8,
    },
    Finish {
        number: u8,
        outcome: Outcome,
    },
    Forge {
        outcome: Outcome,
    },
    /// Anybody asks for what proves who runs the workers of an origin.
    RequestAuthority(Place),
    WorkerActivated {
        place: Place,
        authority: Authority,
    },
    WorkerUnregistered {
        place: Place,
        authority: Authority,
    },
    StoreWorker {
        place: Place,
        authority: Authority,
        script: u8,
    },
    /// Bytes as a peer may send them.
    Raw(Vec<u8>),
    Garbage,
    /// The client of a connection goes away without a word.
    Vanish {
        id: u8,
    },
    /// What the engine says from now on; nothing, if there is no state.
    Engine(Option<State>),
    AnswerQuestion {
        number: u8,
        state: Option<State>,
    },
    StoreFails(bool),
    Online(bool),
    DispatchNow {
        api: Api,
        place: Place,
        tag: u8,
    },
    Why {
        api: Api,
        place: Place,
        tag: u8,
    },
    Unregister {
        api: Api,
        place: Place,
        tag: u8,
    },
    ClearOrigin(Place),
    Revoke {
        place: Place,
        periodic: bool,
    },
    ExtraInterval {
        place: Place,
        ms: Option<u16>,
    },
    /// Everything that was sent is handled before the session goes on.
    Settle,
}

/// What somebody has who says to run the workers of a place.
#[derive(Arbitrary, Clone, Copy, Debug)]
#[expect(missing_docs, reason = "they are what they are called")]
pub enum Authority {
    /// What was given for it.
    Given,
    /// What was given for another place.
    Of(Place),
    MadeUp,
}

/// An API that makes registrations.
#[derive(Arbitrary, Clone, Copy, Debug)]
#[expect(missing_docs, reason = "as `SyncApi`")]
pub enum Api {
    OneShot,
    Periodic,
    Explainer,
}

impl From<Api> for SyncApi {
    fn from(api: Api) -> Self {
        match api {
            Api::OneShot => Self::OneShot,
            Api::Periodic => Self::Periodic,
            Api::Explainer => Self::Explainer,
        }
    }
}

/// Options of a registration of the explainer.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Options {
    repeating: bool,
    min_interval_ms: Option<u16>,
    data_bytes: u8,
    /// The options are none.
    too_long: bool,
}

impl From<Options> for Result<ExplainerOptions, TextTooLong> {
    fn from(options: Options) -> Self {
        if options.too_long {
            return Err(TextTooLong {
                bytes: usize::MAX,
                limit: 0,
            });
        }
        let data = "x".repeat(usize::from(options.data_bytes));
        Ok(ExplainerOptions {
            recurrence: match options.repeating {
                true => Recurrence::Repeating,
                false => Recurrence::Once,
            },
            min_interval_ms: options.min_interval_ms.map(u64::from),
            data: SyncData::try_from(data)?,
            ..ExplainerOptions::default()
        })
    }
}

/// How an event ends.
#[derive(Arbitrary, Clone, Copy, Debug)]
#[expect(missing_docs, reason = "as `EventOutcome`")]
pub enum Outcome {
    Fulfilled,
    Rejected,
    WorkerGone,
    TimedOut,
    NotStarted,
}

impl From<Outcome> for EventOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Fulfilled => Self::Fulfilled,
            Outcome::Rejected => Self::Rejected,
            Outcome::WorkerGone => Self::WorkerGone,
            Outcome::TimedOut => Self::TimedOut,
            Outcome::NotStarted => Self::NotStarted,
        }
    }
}

/// What the engine says about clients.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct State {
    closed: bool,
    denied: bool,
    periodic_denied: bool,
}

fn permission(denied: bool) -> Permission {
    match denied {
        true => Permission::Denied,
        false => Permission::Granted,
    }
}

impl From<State> for ClientState {
    fn from(state: State) -> Self {
        Self {
            open_window: !state.closed,
            permission: permission(state.denied),
            periodic_permission: permission(state.periodic_denied),
        }
    }
}
