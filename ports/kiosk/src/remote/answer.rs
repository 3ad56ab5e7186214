//! An answer as the main thread gives it: whatever takes time to wait for, to write down or to compress is left to the
//! connection's own thread.

use std::sync::Arc;

use crossbeam_channel::Receiver;
use image::RgbaImage;
use serde_json::Value;
use servo::background_sync::{
    DispatchError, EventOutcome, JournalEntry, RegistrationInfo, Reply, SyncApi,
};

use crate::sync_report::rows::WhyRow;

/// The answer to a request.
#[derive(Debug)]
pub enum Answer {
    /// `ok`.
    Done(Value),
    /// `error`.
    Refused(String),
    /// The registrations.
    Syncs(Vec<RegistrationInfo>),
    /// Why some have not been sent.
    Why(Vec<WhyRow>),
    /// What has happened.
    Journal(Vec<JournalEntry>),
    /// What has happened, and what happens.
    FollowedJournal(Vec<JournalEntry>, Following),
    /// What this API has registered is being sent.
    Dispatched(SyncApi, Reply<Result<EventOutcome, DispatchError>>),
    /// The page is being drawn.
    Picture(Receiver<Result<RgbaImage, String>>),
}

/// The end of a journal that grows.
#[derive(Debug)]
pub struct Following {
    /// What happens. It ends if its reader is too slow.
    pub entries: Receiver<JournalEntry>,
    /// As long as this is there, somebody reads.
    pub _reader: Arc<()>,
}
