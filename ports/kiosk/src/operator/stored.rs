//! A profile that no kiosk uses answers for itself. Its lock is held meanwhile, as a kiosk would hold it.

use std::collections::VecDeque;
use std::time::{SystemTime, UNIX_EPOCH};

use background_sync_core::{
    JournalEntry, RegistrationId, RemovalReason, StoreOp, StoredRegistration, SyncNotification,
    WallTime,
};
use background_sync_store::{Durability, JournalUpdate, RedbStore, RegistrationStore, StoreError};
use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::permissions::OriginUrl;
use crate::profile::Profile;
use crate::remote::protocol::{Line, Request, Selection};
use crate::sync_report::journal::JournalRow;
use crate::sync_report::reason::of_stored;
use crate::sync_report::rows::{MAX_ANSWERS, Name, SyncRow, WhyRow, names_in};

/// Where the engine keeps registrations in the profile's folder.
const STORE_FOLDER: &str = "background_sync";

/// For what only a browser can do.
const MUST_RUN: &str =
    "for that, the kiosk must be running, and none runs on this profile: start it first";

/// A profile in nobody else's use.
pub struct StoredProfile {
    profile: Profile,
    /// `None`: nothing was ever stored.
    store: Option<RedbStore>,
    registrations: Vec<StoredRegistration>,
}

/// The lines of an answer.
pub struct StoredAnswers(VecDeque<Line>);

impl StoredAnswers {
    /// The next one.
    pub fn next_line(&mut self) -> Option<Line> {
        self.0.pop_front()
    }
}

impl StoredProfile {
    /// Reads what is stored.
    ///
    /// # Errors
    /// If that can't be read.
    pub fn open(profile: Profile) -> Result<Self, Failure> {
        let folder = profile.path().join(STORE_FOLDER);
        if !folder.is_dir() {
            return Ok(Self {
                profile,
                store: None,
                registrations: Vec::new(),
            });
        }
        let unreadable = |error: StoreError| Failure::environment(error.to_string());
        let mut store = RedbStore::open(&folder).map_err(unreadable)?;
        let loaded = store.load_all().map_err(unreadable)?;
        if let Some(file) = &loaded.set_aside_file {
            eprintln!(
                "kiosk: what was stored can't be read, and is kept as {}",
                file.display()
            );
        }
        Ok(Self {
            profile,
            store: Some(store),
            registrations: loaded.records,
        })
    }

    /// Answers a request as far as that is possible without a kiosk.
    pub fn answer(&mut self, request: &Request) -> StoredAnswers {
        let result = match request {
            Request::Syncs => Ok(self.list()),
            Request::Why(selection) => self.why(selection),
            Request::Clear { origin } => self.clear(origin),
            Request::Journal { limit } | Request::FollowJournal { limit } => self.journal(*limit),
            Request::Status => {
                let status = json!({"running": false, "syncs": self.registrations.len()});
                Ok(VecDeque::from([Line::Ok(status)]))
            }
            Request::Dispatch(_) | Request::Screenshot | Request::Reload | Request::Open { .. } => {
                Err(MUST_RUN.to_owned())
            }
        };
        StoredAnswers(result.unwrap_or_else(|reason| VecDeque::from([Line::Error(reason)])))
    }

    fn list(&self) -> VecDeque<Line> {
        let now = now();
        let rows = self.registrations.iter();
        lines(rows.map(|stored| SyncRow::of_stored(stored, now)))
    }

    fn why(&mut self, selection: &Selection) -> Result<VecDeque<Line>, String> {
        let now = now();
        let journal = self.load_journal()?;
        let chosen = self
            .registrations
            .iter()
            .filter(|stored| selection.chooses(stored.kind.api(), &stored.scope, &stored.tag));
        let mut rows: Vec<_> = chosen
            .take(MAX_ANSWERS)
            .map(|stored| {
                let name = name_of(stored);
                let history = history_of(&journal, &name);
                WhyRow::new(&name, Some(of_stored(stored, now)), &history, now)
            })
            .collect();
        if rows.is_empty() {
            let is_wanted = |name: &Name| selection.chooses(name.api, &name.scope, &name.tag);
            let names = names_in(&journal, is_wanted).into_iter();
            rows.extend(
                names.map(|name| WhyRow::new(&name, None, &history_of(&journal, &name), now)),
            );
        }
        Ok(lines(rows))
    }

    fn journal(&mut self, limit: Option<usize>) -> Result<VecDeque<Line>, String> {
        let journal = self.load_journal()?;
        let shown = limit.unwrap_or(usize::MAX).min(journal.len());
        let last = &journal[journal.len() - shown..];
        Ok(lines(last.iter().map(JournalRow::new)))
    }

    /// Removes the registrations of an origin, all or none, and says so in the journal.
    fn clear(&mut self, origin: &str) -> Result<VecDeque<Line>, String> {
        let origin = OriginUrl::try_from(origin.to_owned())?.url().origin();
        let origin = origin.ascii_serialization();
        let chosen: Vec<_> = self
            .registrations
            .extract_if(.., |stored| stored.scope.origin.as_str() == origin)
            .collect();
        if let Some(store) = self.store.as_mut().filter(|_| !chosen.is_empty()) {
            remove(store, &chosen).map_err(|error| error.to_string())?;
        }
        let done = json!({"removed": chosen.len()});
        Ok(VecDeque::from([Line::Ok(done)]))
    }

    fn load_journal(&mut self) -> Result<Vec<JournalEntry>, String> {
        let Some(store) = &mut self.store else {
            return Ok(Vec::new());
        };
        store.load_journal().map_err(|error| {
            format!(
                "the journal in {} can't be read: {error}",
                self.profile.path().display()
            )
        })
    }
}

fn remove(store: &mut RedbStore, chosen: &[StoredRegistration]) -> Result<(), StoreError> {
    let ids = chosen
        .iter()
        .map(|stored: &StoredRegistration| -> RegistrationId { stored.id });
    let removals: Vec<_> = ids.map(StoreOp::Remove).collect();
    store.commit(&removals, Durability::Strict)?;
    let last = store.load_journal()?.last().map(|entry| entry.sequence);
    let first = store
        .next_journal_sequence()?
        .max(last.map_or(0, |last| last.saturating_add(1)));
    let put: Vec<_> = chosen
        .iter()
        .zip(first..)
        .map(|(stored, sequence)| JournalEntry {
            sequence,
            at: now(),
            times: 1,
            what: SyncNotification::Removed {
                api: stored.kind.api(),
                scope: stored.scope.clone(),
                tag: stored.tag.clone(),
                reason: RemovalReason::Cleared,
            },
        })
        .collect();
    let next_sequence = put.last().map_or(first, |entry| entry.sequence + 1);
    // The kiosk shortens it when it starts.
    let update = JournalUpdate {
        put,
        remove: Vec::new(),
        keep_from: 0,
        next_sequence,
    };
    store.update_journal(&update, Durability::Strict)
}

fn name_of(stored: &StoredRegistration) -> Name {
    Name {
        api: stored.kind.api(),
        scope: stored.scope.clone(),
        tag: stored.tag.clone(),
    }
}

fn history_of(journal: &[JournalEntry], name: &Name) -> Vec<JournalEntry> {
    let about_it = |entry: &&JournalEntry| Name::of_entry(entry).as_ref() == Some(name);
    journal.iter().filter(about_it).cloned().collect()
}

fn lines<T: Serialize>(rows: impl IntoIterator<Item = T>) -> VecDeque<Line> {
    let rows = rows.into_iter();
    let mut lines: VecDeque<_> = rows
        .map(|row| Line::Item(serde_json::to_value(row).unwrap_or(Value::Null)))
        .collect();
    lines.push_back(Line::Ok(lines.len().into()));
    lines
}

fn now() -> WallTime {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    WallTime(u64::try_from(since_1970.unwrap_or_default().as_millis()).unwrap_or(u64::MAX))
}
