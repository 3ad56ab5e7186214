//! A bounded record of everything that a person would ask about.

use std::collections::{BTreeSet, VecDeque};

use background_sync_core::{
    JournalEntry, Origin, RegisterError, RemovalReason, ScopeKey, SyncApi, SyncNotification, Tag,
    WallTime, WhyNotFired,
};
use background_sync_store::JournalUpdate;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

/// Entries that are kept.
pub const MAX_JOURNAL_ENTRIES: usize = 4_096;

/// Bytes that they may have, about.
pub const MAX_JOURNAL_BYTES: usize = 4 * 1024 * 1024;

/// Entries that a subscriber may be behind. One that is slower loses its subscription.
pub const MAX_SUBSCRIBER_LAG: usize = 4_096;

/// Subscriptions at the same time. The oldest one ends when another is made.
pub const MAX_SUBSCRIBERS: usize = 16;

/// The sequence that a stored entry may have.
const MAX_SEQUENCE: u64 = u64::MAX / 2;

/// Entries about a tag that come with the answer to "why has it not fired?".
const HISTORY_ENTRIES: usize = 20;

/// Chooses entries of the journal. All of them, as it is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalQuery {
    /// Only entries about this service worker registration.
    pub scope: Option<ScopeKey>,
    /// Only entries about this origin.
    pub origin: Option<Origin>,
    /// Only entries about registrations of this API.
    pub api: Option<SyncApi>,
    /// Only entries about this tag.
    pub tag: Option<Tag>,
    /// Only the newest ones, so many of them.
    pub limit: Option<usize>,
}

impl JournalQuery {
    fn chooses(&self, what: &SyncNotification) -> bool {
        let scope = what.scope();
        self.scope
            .as_ref()
            .is_none_or(|wanted| scope == Some(wanted))
            && self
                .origin
                .as_ref()
                .is_none_or(|o| scope.is_some_and(|scope| scope.origin == *o))
            && self.api.is_none_or(|wanted| what.api() == Some(wanted))
            && self
                .tag
                .as_ref()
                .is_none_or(|wanted| what.tag() == Some(wanted))
    }
}

/// The answer to "why has this tag not fired?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyReport {
    /// What it waits for now.
    pub why: WhyNotFired,
    /// What happened to it last, the oldest first.
    pub history: Vec<JournalEntry>,
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: VecDeque<JournalEntry>,
    bytes: usize,
    next_sequence: u64,
    /// Entries that the store does not know as they are.
    unsaved: BTreeSet<u64>,
    removed: Vec<u64>,
    subscribers: Vec<Sender<JournalEntry>>,
}

impl Journal {
    pub fn new(mut entries: Vec<JournalEntry>) -> Self {
        // Damage: no journal gets so long, and none could go on behind it.
        let possible = entries.partition_point(|entry| entry.sequence <= MAX_SEQUENCE);
        let removed = entries.split_off(possible);
        let removed = removed.iter().map(|entry| entry.sequence).collect();
        let next_sequence = entries
            .last()
            .map_or(0, |entry| entry.sequence.saturating_add(1));
        let bytes = entries.iter().map(bytes_of).sum();
        let entries = entries.into();
        let mut journal = Self {
            entries,
            bytes,
            next_sequence,
            removed,
            ..Self::default()
        };
        journal.shrink();
        journal
    }

    /// Adds what happened. The same thing again only counts.
    pub fn add(&mut self, at: WallTime, what: SyncNotification) {
        match self.entries.back_mut() {
            Some(last) if last.what == what => {
                last.times = last.times.saturating_add(1);
                last.at = at;
            }
            _ => {
                let sequence = self.next_sequence;
                self.next_sequence += 1;
                let entry = JournalEntry {
                    sequence,
                    at,
                    times: 1,
                    what,
                };
                self.bytes += bytes_of(&entry);
                self.entries.push_back(entry);
                self.shrink();
            }
        }
        let Some(entry) = self.entries.back() else {
            return;
        };
        self.unsaved.insert(entry.sequence);
        self.subscribers
            .retain(|subscriber| match subscriber.try_send(entry.clone()) {
                Ok(()) => true,
                Err(TrySendError::Full(_)) => {
                    log::warn!(
                        "a subscriber of the journal is too slow and loses its subscription"
                    );
                    false
                }
                Err(TrySendError::Disconnected(_)) => false,
            });
    }

    fn shrink(&mut self) {
        while self.entries.len() > MAX_JOURNAL_ENTRIES || self.bytes > MAX_JOURNAL_BYTES {
            let Some(oldest) = self.entries.pop_front() else {
                return;
            };
            self.bytes -= bytes_of(&oldest);
            self.unsaved.remove(&oldest.sequence);
        }
    }

    /// What the store has to be told, if anything.
    pub fn take_update(&mut self) -> Option<JournalUpdate> {
        if self.unsaved.is_empty() && self.removed.is_empty() {
            return None;
        }
        let unsaved = std::mem::take(&mut self.unsaved);
        let is_unsaved = |entry: &&JournalEntry| unsaved.contains(&entry.sequence);
        let newest_first = self.entries.iter().rev();
        let recent = newest_first.take_while(is_unsaved_or_after(&unsaved));
        let mut put: Vec<_> = recent.filter(is_unsaved).cloned().collect();
        put.reverse();
        Some(JournalUpdate {
            put,
            remove: std::mem::take(&mut self.removed),
            keep_from: self
                .entries
                .front()
                .map_or(self.next_sequence, |entry| entry.sequence),
        })
    }

    pub fn has_news(&self) -> bool {
        !self.unsaved.is_empty() || !self.removed.is_empty()
    }

    pub fn list(&self, query: &JournalQuery) -> Vec<JournalEntry> {
        let chosen = self
            .entries
            .iter()
            .rev()
            .filter(|entry| query.chooses(&entry.what));
        let mut list: Vec<_> = chosen
            .take(query.limit.unwrap_or(usize::MAX))
            .cloned()
            .collect();
        list.reverse();
        list
    }

    /// Answers "why has this not fired?": `why` is what is known of the registration.
    pub fn report(&self, why: WhyNotFired, api: SyncApi, scope: &ScopeKey, tag: &Tag) -> WhyReport {
        let history = self.list(&JournalQuery {
            scope: Some(scope.clone()),
            api: Some(api),
            tag: Some(tag.clone()),
            limit: Some(HISTORY_ENTRIES),
            ..JournalQuery::default()
        });
        let last = history.last().map(|entry| &entry.what);
        let why = match (why, last) {
            (WhyNotFired::NotRegistered, Some(last)) if was_denied(last) => {
                WhyNotFired::PermissionDenied
            }
            (why, _) => why,
        };
        WhyReport { why, history }
    }

    pub fn subscribe(&mut self) -> Receiver<JournalEntry> {
        let (subscriber, entries) = bounded(MAX_SUBSCRIBER_LAG);
        if self.subscribers.len() >= MAX_SUBSCRIBERS {
            self.subscribers.remove(0);
        }
        self.subscribers.push(subscriber);
        entries
    }

    /// Forgets what happened to these service worker registrations, as for clearing site data.
    pub fn clear(&mut self, chosen: impl Fn(&ScopeKey) -> bool) {
        let removed = &mut self.removed;
        self.entries.retain(|entry| {
            let goes = entry.what.scope().is_some_and(&chosen);
            if goes {
                removed.push(entry.sequence);
            }
            !goes
        });
        self.bytes = self.entries.iter().map(bytes_of).sum();
        for sequence in &self.removed {
            self.unsaved.remove(sequence);
        }
    }
}

/// Whether the permission is what ended a registration, or kept it from being made.
fn was_denied(what: &SyncNotification) -> bool {
    match what {
        SyncNotification::Removed { reason, .. } => *reason == RemovalReason::PermissionDenied,
        SyncNotification::Rejected { reason, .. } => matches!(
            reason,
            RegisterError::PermissionDenied | RegisterError::PeriodicPermissionDenied
        ),
        _ => false,
    }
}

/// New and changed entries are at the end.
fn is_unsaved_or_after(unsaved: &BTreeSet<u64>) -> impl Fn(&&JournalEntry) -> bool {
    let first = unsaved.first().copied().unwrap_or(u64::MAX);
    move |entry| entry.sequence >= first
}

/// About what an entry takes.
fn bytes_of(entry: &JournalEntry) -> usize {
    let scope = entry
        .what
        .scope()
        .map_or(0, |s| s.origin.as_str().len() + s.scope.as_str().len());
    let tag = entry.what.tag().map_or(0, |tag| tag.as_str().len());
    size_of::<JournalEntry>() + scope + tag
}

#[cfg(test)]
mod tests;
