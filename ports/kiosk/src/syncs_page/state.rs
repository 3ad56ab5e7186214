//! States as the page shows them: a word, and a color that says no more than the word.

use crate::sync_report::reason::Reason;

/// How something stands, for a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It stays until somebody does something.
    Blocked,
    /// It is on its way.
    Sending,
    /// It was tried, and is tried again.
    Retrying,
    /// It goes on by itself.
    Waiting,
}

impl Standing {
    /// Of something that waits for this, and was tried so often.
    pub fn of(why: &Reason, attempts: u32) -> Self {
        match why.code.as_str() {
            "suspended" | "no-active-worker" | "permission-denied" => Self::Blocked,
            "running" | "being-prepared" => Self::Sending,
            "waits-for-retry" => Self::Retrying,
            _ if attempts > 0 && why.code == "offline" => Self::Retrying,
            _ => Self::Waiting,
        }
    }

    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Blocked => "Blocked",
            Self::Sending => "Sending",
            Self::Retrying => "Retrying",
            Self::Waiting => "Waiting",
        }
    }

    /// Of the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Self::Blocked => "bad",
            Self::Sending => "busy",
            Self::Retrying => "warn",
            Self::Waiting => "calm",
        }
    }
}
