//! What clients asked, and what they must have got.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use background_sync_traits::{CallId, SyncReply, SyncRequest, SyncResponse};
use crossbeam_channel::Receiver;

/// What a client must have got at the end: calls by number and method.
pub type Calls = HashMap<(CallId, Method), usize>;

/// Calls with answers of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `register()`.
    Register,
    /// `unregister()`.
    Unregister,
    /// `getTags()` and its like.
    GetTags,
    /// `navigator.permissions.query()`.
    QueryPermission,
}

impl From<&SyncRequest> for Method {
    fn from(request: &SyncRequest) -> Self {
        match request {
            SyncRequest::Register { .. }
            | SyncRequest::RegisterPeriodic { .. }
            | SyncRequest::RegisterExplainer { .. } => Self::Register,
            SyncRequest::UnregisterPeriodic { .. } | SyncRequest::UnregisterExplainer { .. } => {
                Self::Unregister
            }
            SyncRequest::GetTags | SyncRequest::GetPeriodicTags | SyncRequest::GetExplainerIds => {
                Self::GetTags
            }
            SyncRequest::QueryPermission { .. } => Self::QueryPermission,
        }
    }
}

impl From<&SyncResponse> for Method {
    fn from(response: &SyncResponse) -> Self {
        match response {
            SyncResponse::Registered(_) => Self::Register,
            SyncResponse::Unregistered(_) => Self::Unregister,
            SyncResponse::Tags(_) => Self::GetTags,
            SyncResponse::Permission(_) => Self::QueryPermission,
        }
    }
}

/// Which answers a client must have got at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expects {
    /// One for each call.
    All,
    /// At most one for each call: it went away before the end.
    Some,
    /// Nobody knows whether it was connected.
    Anything,
}

/// One connection, from its start to its end.
pub struct Connection {
    /// What it got.
    pub replies: Receiver<SyncReply>,
    /// Its client can't be reached any more.
    pub gone: Arc<AtomicBool>,
    /// What it asked.
    pub asked: Calls,
    /// What it must have got at the end.
    pub expects: Expects,
}

impl Connection {
    /// Compares what it got with what it asked.
    ///
    /// # Panics
    /// On a finding.
    pub fn check(&self) {
        if self.expects == Expects::Anything {
            return;
        }
        let mut answered = Calls::new();
        for reply in self.replies.try_iter() {
            *answered
                .entry((reply.call, Method::from(&reply.response)))
                .or_default() += 1;
        }
        for (call, &count) in &answered {
            let asked = self.asked.get(call).copied().unwrap_or(0);
            assert!(
                count <= asked,
                "{call:?} was answered {count} times, and asked {asked} times"
            );
        }
        if self.expects == Expects::All {
            assert_eq!(answered, self.asked, "every call is answered");
        }
    }
}
