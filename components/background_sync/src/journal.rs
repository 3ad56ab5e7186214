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
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use super::*;

    fn entry(count: u64) -> SyncNotification {
        SyncNotification::Restored { count }
    }

    fn about(host: &str, tag: &str) -> SyncNotification {
        about_api(SyncApi::OneShot, host, tag)
    }

    fn about_api(api: SyncApi, host: &str, tag: &str) -> SyncNotification {
        let origin = format!("https://{host}");
        let scope = format!("https://{host}/");
        SyncNotification::Registered {
            api,
            scope: ScopeKey {
                origin: origin.as_str().try_into().unwrap(),
                scope: scope.as_str().try_into().unwrap(),
            },
            tag: tag.try_into().unwrap(),
            duplicate: false,
        }
    }

    #[test]
    fn it_is_bounded_in_entries_and_bytes() {
        let mut journal = Journal::default();
        for count in 0..10_000 {
            journal.add(WallTime(0), entry(count));
        }
        assert_eq!(
            journal.list(&JournalQuery::default()).len(),
            MAX_JOURNAL_ENTRIES
        );
        let update = journal.take_update().unwrap();
        assert_eq!(
            (update.put.len(), update.keep_from),
            (MAX_JOURNAL_ENTRIES, 5_904)
        );
        for count in 0..2_000 {
            journal.add(
                WallTime(0),
                about("a.example", &format!("{count}{}", "x".repeat(9_000))),
            );
        }
        assert!(journal.bytes <= MAX_JOURNAL_BYTES && journal.entries.len() < 600);
        assert_eq!(
            journal.bytes,
            journal.entries.iter().map(bytes_of).sum::<usize>()
        );
    }

    #[test]
    fn the_same_thing_again_only_counts() {
        let mut journal = Journal::default();
        for at in 0..5 {
            journal.add(WallTime(at), entry(1));
        }
        journal.add(WallTime(9), entry(2));
        let list = journal.list(&JournalQuery::default());
        assert_eq!((list.len(), list[0].times, list[0].at), (2, 5, WallTime(4)));
        assert_eq!(journal.take_update().unwrap().put.len(), 2);
        assert_eq!(journal.take_update(), None);
        journal.add(WallTime(10), entry(2));
        assert_eq!(journal.take_update().unwrap().put.len(), 1);
    }

    #[test]
    fn it_is_queried_and_cleared_by_what_it_is_about() {
        let mut journal = Journal::default();
        for host in ["a.example", "b.example"] {
            for tag in ["x", "y"] {
                journal.add(WallTime(0), about(host, tag));
            }
        }
        journal.add(WallTime(0), entry(1));
        let origin = Some("https://a.example".try_into().unwrap());
        let query = JournalQuery {
            origin,
            ..JournalQuery::default()
        };
        assert_eq!(journal.list(&query).len(), 2);
        let query = JournalQuery {
            tag: Some("y".try_into().unwrap()),
            limit: Some(1),
            ..query
        };
        assert_eq!(journal.list(&query).len(), 1);
        journal.take_update();
        journal.clear(|scope| scope.origin.as_str() == "https://a.example");
        assert_eq!(journal.list(&JournalQuery::default()).len(), 3);
        assert_eq!(journal.take_update().unwrap().remove, [0, 1]);
    }

    #[test]
    fn the_apis_of_one_tag_are_kept_apart() {
        let mut journal = Journal::default();
        let apis = [SyncApi::OneShot, SyncApi::Periodic, SyncApi::Explainer];
        for api in apis {
            journal.add(WallTime(0), about_api(api, "a.example", "x"));
        }
        let what = about_api(SyncApi::OneShot, "a.example", "x");
        let (scope, tag) = (what.scope().unwrap(), what.tag().unwrap());
        for api in apis {
            let report = journal.report(WhyNotFired::Offline, api, scope, tag);
            let quoted: Vec<_> = report.history.iter().map(|e| e.what.api()).collect();
            assert_eq!(quoted, [Some(api)]);
        }
    }

    #[test]
    fn what_the_permission_has_ended_is_explained_by_it() {
        let removed = |reason| {
            let what = about("a.example", "x");
            let (scope, tag) = (what.scope().unwrap().clone(), what.tag().unwrap().clone());
            let api = SyncApi::OneShot;
            let mut journal = Journal::default();
            let what = SyncNotification::Removed {
                api,
                scope: scope.clone(),
                tag: tag.clone(),
                reason,
            };
            journal.add(WallTime(0), what);
            let why = |why| journal.report(why, api, &scope, &tag).why;
            assert_eq!(why(WhyNotFired::Offline), WhyNotFired::Offline);
            why(WhyNotFired::NotRegistered)
        };
        let denied = RemovalReason::PermissionDenied;
        assert_eq!(removed(denied), WhyNotFired::PermissionDenied);
        let cleared = RemovalReason::Cleared;
        assert_eq!(removed(cleared), WhyNotFired::NotRegistered);
    }

    #[test]
    fn a_slow_subscriber_loses_its_subscription_and_costs_nobody_else() {
        let mut journal = Journal::default();
        let slow = journal.subscribe();
        for count in 0..=u64::try_from(MAX_SUBSCRIBER_LAG).unwrap() {
            journal.add(WallTime(0), entry(count));
        }
        assert_eq!(slow.iter().count(), MAX_SUBSCRIBER_LAG);
        assert!(journal.subscribers.is_empty());
    }

    #[test]
    fn a_damaged_sequence_does_not_end_it() {
        let stored = |sequence| JournalEntry {
            sequence,
            at: WallTime(0),
            times: 1,
            what: entry(sequence),
        };
        let mut journal = Journal::new(vec![stored(3), stored(u64::MAX)]);
        journal.add(WallTime(0), entry(1));
        let update = journal.take_update().unwrap();
        let put: Vec<_> = update.put.iter().map(|entry| entry.sequence).collect();
        assert_eq!((put, update.remove), (vec![4], vec![u64::MAX]));
    }

    #[test]
    fn it_goes_on_after_a_restart() {
        let mut journal = Journal::default();
        journal.add(WallTime(0), entry(1));
        let mut journal = Journal::new(journal.take_update().unwrap().put);
        journal.add(WallTime(0), entry(2));
        let sequences: Vec<_> = journal
            .list(&JournalQuery::default())
            .iter()
            .map(|e| e.sequence)
            .collect();
        assert_eq!(sequences, [0, 1]);
    }
}
