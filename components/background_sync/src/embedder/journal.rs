//! The journal: a bounded record of everything that a person would ask about.

mod entries;

use std::collections::{BTreeSet, HashSet};
use std::ops::RangeInclusive;

use background_sync_core::{
    JournalEntry, Origin, RegisterError, RemovalReason, ScopeKey, SyncApi, SyncNotification, Tag,
    WallTime, WhyNotFired,
};
use background_sync_store::JournalUpdate;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};

use self::entries::Entries;

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

/// What the store may have where this journal has nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum StoredGaps {
    #[default]
    Empty,
    /// Entries that were cleared, or are damaged.
    MayHaveEntries,
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Entries,
    bytes: usize,
    next_sequence: u64,
    /// Entries that the store does not know as they are.
    unsaved: BTreeSet<u64>,
    stored_gaps: StoredGaps,
    subscribers: Vec<Sender<JournalEntry>>,
}

impl Journal {
    /// With what the store has; `next_sequence` as it says.
    pub fn new(mut entries: Vec<JournalEntry>, next_sequence: u64) -> Self {
        // Damage: no journal gets so long, and none could go on behind it.
        let possible = entries.partition_point(|entry| entry.sequence <= MAX_SEQUENCE);
        let stored_gaps = match entries.split_off(possible).is_empty() {
            true => StoredGaps::Empty,
            false => StoredGaps::MayHaveEntries,
        };
        let mut scopes = HashSet::new();
        for entry in &mut entries {
            share_scope(entry, &mut scopes);
        }
        let used = Some(next_sequence).filter(|&next| next <= MAX_SEQUENCE);
        let after_last = entries.last().map_or(0, |entry| entry.sequence + 1);
        let bytes = entries.iter().map(bytes_of).sum();
        let mut journal = Self {
            entries: entries.into_iter().collect(),
            bytes,
            next_sequence: after_last.max(used.unwrap_or(0)),
            stored_gaps,
            ..Self::default()
        };
        journal.make_room(0);
        journal
    }

    /// With what the store has, now that it is open: what happened before comes after that.
    pub fn adopt(&mut self, stored: Vec<JournalEntry>, next_sequence: u64) {
        let before = std::mem::replace(self, Self::new(stored, next_sequence));
        self.subscribers = before.subscribers;
        for mut entry in before.entries.iter() {
            entry.sequence = self.next_sequence;
            self.push(entry);
        }
    }

    fn push(&mut self, mut entry: JournalEntry) {
        let last = self.entries.newest().and_then(|last| last.what.scope());
        if let (Some(scope), Some(last)) = (entry.what.scope_mut(), last)
            && scope == last
        {
            *scope = last.clone();
        }
        self.next_sequence = entry.sequence + 1;
        self.unsaved.insert(entry.sequence);
        self.bytes += bytes_of(&entry);
        self.make_room(1);
        self.entries.push(entry);
    }

    /// Adds what happened. The same thing again only counts.
    pub fn add(&mut self, at: WallTime, what: SyncNotification) {
        match self.entries.newest_mut() {
            Some(last) if last.what == what => {
                last.times = last.times.saturating_add(1);
                last.at = at;
            }
            _ => self.push(JournalEntry {
                sequence: self.next_sequence,
                at,
                times: 1,
                what,
            }),
        }
        let Some(entry) = self.entries.newest() else {
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

    /// For so many more entries, whose bytes are counted already.
    fn make_room(&mut self, more: usize) {
        while self.entries.len() + more > MAX_JOURNAL_ENTRIES || self.bytes > MAX_JOURNAL_BYTES {
            let Some(oldest) = self.entries.pop_oldest() else {
                return;
            };
            self.bytes -= bytes_of(&oldest);
            self.unsaved.remove(&oldest.sequence);
        }
    }

    /// What the store has to be told, if anything.
    pub fn take_update(&mut self) -> Option<JournalUpdate> {
        if !self.has_news() {
            return None;
        }
        let unsaved = std::mem::take(&mut self.unsaved);
        let is_unsaved = |entry: &JournalEntry| unsaved.contains(&entry.sequence);
        let newest_first = self.entries.newest_first();
        let recent = newest_first.take_while(is_unsaved_or_after(&unsaved));
        let mut put: Vec<_> = recent.filter(is_unsaved).collect();
        put.reverse();
        let remove = match std::mem::take(&mut self.stored_gaps) {
            StoredGaps::Empty => Vec::new(),
            StoredGaps::MayHaveEntries => self.gaps(),
        };
        Some(JournalUpdate {
            put,
            remove,
            keep_from: self.keep_from(),
            next_sequence: self.next_sequence,
        })
    }

    /// The store may not have what it was told: it is told all of it once more.
    pub fn save_again(&mut self) {
        self.unsaved = self.entries.iter().map(|entry| entry.sequence).collect();
        self.stored_gaps = StoredGaps::MayHaveEntries;
    }

    /// The sequences from `keep_from` on that have no entry.
    fn gaps(&self) -> Vec<RangeInclusive<u64>> {
        let mut gaps = Vec::new();
        let mut free_from = self.keep_from();
        for entry in self.entries.iter() {
            if let Some(last) = entry
                .sequence
                .checked_sub(1)
                .filter(|&last| last >= free_from)
            {
                gaps.push(free_from..=last);
            }
            free_from = entry.sequence + 1;
        }
        gaps.push(free_from..=u64::MAX);
        gaps
    }

    fn keep_from(&self) -> u64 {
        self.entries.oldest_sequence().unwrap_or(self.next_sequence)
    }

    pub fn has_news(&self) -> bool {
        !self.unsaved.is_empty() || self.stored_gaps == StoredGaps::MayHaveEntries
    }

    pub fn list(&self, query: &JournalQuery) -> Vec<JournalEntry> {
        let newest_first = self.entries.newest_first();
        let chosen = newest_first.filter(|entry| query.chooses(&entry.what));
        let mut list: Vec<_> = chosen.take(query.limit.unwrap_or(usize::MAX)).collect();
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
        let (unsaved, stored_gaps) = (&mut self.unsaved, &mut self.stored_gaps);
        let stays = |entry: &JournalEntry| {
            let goes = entry.what.scope().is_some_and(&chosen);
            if goes {
                unsaved.remove(&entry.sequence);
                *stored_gaps = StoredGaps::MayHaveEntries;
            }
            !goes
        };
        self.entries = self.entries.iter().filter(stays).collect();
        self.bytes = self.entries.iter().map(|entry| bytes_of(&entry)).sum();
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

/// Entries about the same service worker registration have the text of its URLs in common.
fn share_scope(entry: &mut JournalEntry, known: &mut HashSet<ScopeKey>) {
    let Some(scope) = entry.what.scope_mut() else {
        return;
    };
    match known.get(scope) {
        Some(shared) => *scope = shared.clone(),
        None => drop(known.insert(scope.clone())),
    }
}

/// New and changed entries are at the end.
fn is_unsaved_or_after(unsaved: &BTreeSet<u64>) -> impl Fn(&JournalEntry) -> bool {
    let first = unsaved.first().copied().unwrap_or(u64::MAX);
    move |entry| entry.sequence >= first
}

/// About what an entry takes.
fn bytes_of(entry: &JournalEntry) -> usize {
    let scope = entry
        .what
        .scope()
        .map_or(0, |s| s.origin.as_str().len() + s.scope.as_str().len());
    let tag = entry.what.tag().map_or(0, |tag| tag.as_wtf8().len());
    size_of::<JournalEntry>() + scope + tag
}

#[cfg(test)]
mod tests;
