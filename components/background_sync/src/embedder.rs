//! The side towards the embedder: what it is told, what it asks, and the journal that answers it.

mod answers;
mod control;
mod journal;
mod notifier;

pub use control::{Clear, ManagerGone, Reply, SyncManagerControl, SyncManagerThread};
pub use journal::{
    JournalQuery, MAX_JOURNAL_BYTES, MAX_JOURNAL_ENTRIES, MAX_SUBSCRIBER_LAG, MAX_SUBSCRIBERS,
    WhyReport,
};
pub use notifier::{Embedder, Silent};

pub(crate) use answers::EmbedderAnswers;
pub(crate) use control::{Change, ControlMessage, RegistrationName, View};
pub(crate) use journal::Journal;
pub(crate) use notifier::Notifier;
