//! Registrations as rows.

use background_sync_core::{
    JournalEntry, RegistrationInfo, RegistrationState, ScopeKey, StoredRegistration, SyncApi, Tag,
    WallTime,
};
use serde::{Deserialize, Serialize};

use super::api::api_name;
use super::journal::JournalRow;
use super::past::of_history;
use super::reason::{Reason, of_running, of_stored};

/// Registrations about which one question is answered.
pub const MAX_ANSWERS: usize = 16;

/// Entries of the journal that come with the answer to "why?".
const HISTORY_ENTRIES: usize = 20;

/// One registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncRow {
    /// Which API made it.
    pub api: String,
    /// Whose it is.
    pub origin: String,
    /// The scope of the service worker that gets its event.
    pub scope: String,
    /// Its name.
    pub tag: String,
    /// Its state, by the name in the specification.
    pub state: String,
    /// How often it was tried since it was registered.
    pub attempts: u32,
    /// When it was registered, in milliseconds since 1970 by the wall clock.
    pub registered_at_ms: u64,
    /// What it waits for.
    pub why: Reason,
}

impl SyncRow {
    /// Of a kiosk that runs.
    pub fn of_running(info: &RegistrationInfo) -> Self {
        Self {
            api: api_name(info.api).to_owned(),
            origin: info.scope.origin.to_string(),
            scope: info.scope.scope.to_string(),
            tag: info.tag.to_string(),
            state: state_name(info.state).to_owned(),
            attempts: info.attempts,
            registered_at_ms: info.registered_at.0,
            why: of_running(info.api, &info.why),
        }
    }

    /// Of a profile that no kiosk uses.
    pub fn of_stored(stored: &StoredRegistration, now: WallTime) -> Self {
        Self {
            api: api_name(stored.kind.api()).to_owned(),
            origin: stored.scope.origin.to_string(),
            scope: stored.scope.scope.to_string(),
            tag: stored.tag.to_string(),
            state: state_name(stored.state).to_owned(),
            attempts: stored.attempts,
            registered_at_ms: stored.registered_at.0,
            why: of_stored(stored, now),
        }
    }
}

/// By its name, as on the control channel.
pub fn state_name(state: RegistrationState) -> &'static str {
    match state {
        RegistrationState::Pending => "pending",
        RegistrationState::Waiting => "waiting",
        RegistrationState::Firing => "firing",
        RegistrationState::ReregisteredWhileFiring => "reregistered-while-firing",
    }
}

/// What identifies a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Which API made it.
    pub api: SyncApi,
    /// Its service worker registration.
    pub scope: ScopeKey,
    /// Its name.
    pub tag: Tag,
}

impl Name {
    /// What an entry of the journal is about, if it is about one registration.
    pub fn of_entry(entry: &JournalEntry) -> Option<Self> {
        let what = &entry.what;
        Some(Self {
            api: what.api()?,
            scope: what.scope()?.clone(),
            tag: what.tag()?.clone(),
        })
    }
}

/// The answer to "why has it not been sent?" about one name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhyRow {
    /// Which API made it.
    pub api: String,
    /// Whose it is.
    pub origin: String,
    /// The scope of the service worker that gets its event.
    pub scope: String,
    /// Its name.
    pub tag: String,
    /// What it waits for, or what became of it.
    pub why: Reason,
    /// What happened to it last, the oldest first.
    pub history: Vec<JournalRow>,
}

impl WhyRow {
    /// `why`: `None` if it is not registered; then `history`, the oldest first, tells what became of it.
    pub fn new(name: &Name, why: Option<Reason>, history: &[JournalEntry], now: WallTime) -> Self {
        let last = &history[history.len().saturating_sub(HISTORY_ENTRIES)..];
        Self {
            api: api_name(name.api).to_owned(),
            origin: name.scope.origin.to_string(),
            scope: name.scope.scope.to_string(),
            tag: name.tag.to_string(),
            why: why.unwrap_or_else(|| of_history(name.api, history, now)),
            history: last.iter().map(JournalRow::new).collect(),
        }
    }
}

/// What the journal has told of, the last one first, each once; so many as are answered at most.
pub fn names_in(journal: &[JournalEntry], is_wanted: impl Fn(&Name) -> bool) -> Vec<Name> {
    let mut names = Vec::new();
    for name in journal.iter().rev().filter_map(Name::of_entry) {
        if names.len() < MAX_ANSWERS && is_wanted(&name) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}
