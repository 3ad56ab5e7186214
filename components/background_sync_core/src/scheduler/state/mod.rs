//! What the scheduler remembers. It does not depend on the algorithms, which are beside this folder.

mod arena;
mod due;
mod embedder;
mod event;
mod event_chain;
mod kind;
mod moment;
mod origin;
mod registration;
mod rollback;
mod tables;
mod tag_index;
mod ticket;
mod timer;
mod wake_ups;

pub use due::Due;
pub use embedder::{DispatchRequest, Removal, WaitBefore, WorkerWait};
pub use event::{Event, PermissionState, Phase};
pub use event_chain::{ChainDepth, EarlierWait, EventChains};
pub use kind::{Cycle, Explainer, FiredFor, Kind};
pub use moment::{Clock, Moment};
pub use origin::OriginLimits;
pub use registration::{Existence, Gate, GatedCall, RegKey, Registration};
pub use rollback::{Before, Rollback};
pub use tables::Tables;
pub use ticket::{Purpose, TicketUse, Waiter};
pub use timer::Timer;
pub use wake_ups::{Intervals, WakeUps};
