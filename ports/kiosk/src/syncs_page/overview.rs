//! What the page shows, chosen from all that there is: as much as a person reads, and what needs them first.

use std::collections::HashMap;

use background_sync_core::{JournalEntry, RegistrationInfo, WallTime};

use super::state::Standing;
use crate::event::Network;
use crate::sync_report::reason::of_running;
use crate::sync_report::rows::{Name, SyncRow};

/// Registrations that are shown. `kiosk syncs list` shows all.
pub const MAX_ROWS: usize = 60;

/// All that the page is made from.
pub struct Facts<'a> {
    /// Everything that waits.
    pub registrations: &'a [RegistrationInfo],
    /// What has happened, the oldest first.
    pub journal: &'a [JournalEntry],
    /// Whether there is a network.
    pub network: Network,
    /// By the wall clock.
    pub now: WallTime,
    /// Width of the window, in CSS pixels.
    pub width_px: u32,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub all: usize,
    /// On its way.
    pub sending: usize,
    /// Needs somebody.
    pub blocked: usize,
}

/// One registration.
pub struct Row {
    /// What identifies it.
    pub name: Name,
    /// How it stands.
    pub standing: Standing,
    /// What is told of it.
    pub told: SyncRow,
}

/// The registrations of a scope.
pub struct Scope {
    /// Its address.
    pub scope: String,
    /// What is shown.
    pub rows: Vec<Row>,
}

/// The registrations of an origin.
pub struct App {
    /// The origin.
    pub origin: String,
    /// How many it has, shown or not.
    pub count: usize,
    /// Its scopes.
    pub scopes: Vec<Scope>,
}

/// What is shown of the registrations.
pub struct Overview {
    /// Of all.
    pub counts: Counts,
    /// In how many milliseconds something is tried by itself, if time decides that for anything.
    pub next_ms: Option<u64>,
    /// Grouped, in the order of what needs somebody first.
    pub apps: Vec<App>,
    /// How many are left out.
    pub left_out: usize,
}

impl Overview {
    /// Chooses and groups.
    pub fn new(registrations: &[RegistrationInfo]) -> Self {
        let mut counts = Counts {
            all: registrations.len(),
            ..Counts::default()
        };
        let mut next_ms: Option<u64> = None;
        let mut by_origin: HashMap<&str, usize> = HashMap::new();
        let mut order: Vec<(Standing, u64, &RegistrationInfo)> = Vec::new();
        for info in registrations {
            let why = of_running(info.api, &info.why);
            let standing = Standing::of(&why, info.attempts);
            match standing {
                Standing::Blocked => counts.blocked += 1,
                Standing::Sending => counts.sending += 1,
                Standing::Retrying | Standing::Waiting => {}
            }
            next_ms = next_ms.into_iter().chain(why.in_ms).min();
            *by_origin.entry(info.scope.origin.as_str()).or_default() += 1;
            order.push((standing, why.in_ms.unwrap_or(0), info));
        }
        // By the names at last, so that a page that is brought up to date keeps its order.
        order.sort_by_key(|&(standing, in_ms, info)| {
            let soon_s = in_ms / 1_000;
            (standing, soon_s, info.registered_at.0, info.tag.to_string())
        });
        let mut apps: Vec<App> = Vec::new();
        for &(standing, _, info) in order.iter().take(MAX_ROWS) {
            let row = Row {
                name: Name {
                    api: info.api,
                    scope: info.scope.clone(),
                    tag: info.tag.clone(),
                },
                standing,
                told: SyncRow::of_running(info),
            };
            let count = by_origin.get(info.scope.origin.as_str()).copied();
            add(&mut apps, row, count.unwrap_or(0));
        }
        Self {
            counts,
            next_ms,
            apps,
            left_out: registrations.len().saturating_sub(MAX_ROWS),
        }
    }

    /// All rows that are shown, in their order.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        let scopes = self.apps.iter().flat_map(|app| &app.scopes);
        scopes.flat_map(|scope| &scope.rows)
    }
}

fn add(apps: &mut Vec<App>, row: Row, count: usize) {
    let (origin, scope) = (row.told.origin.clone(), row.told.scope.clone());
    let at = apps.iter().position(|app| app.origin == origin);
    let at = at.unwrap_or_else(|| {
        apps.push(App {
            origin,
            count,
            scopes: Vec::new(),
        });
        apps.len() - 1
    });
    let scopes = &mut apps[at].scopes;
    match scopes.iter_mut().find(|known| known.scope == scope) {
        Some(known) => known.rows.push(row),
        None => scopes.push(Scope {
            scope,
            rows: vec![row],
        }),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use background_sync_core::{RegistrationState, ScopeKey, SyncApi, Tag, WhyNotFired};

    use super::*;

    /// A registration that waits for this.
    pub fn waits(origin: &str, tag: &str, attempts: u32, why: WhyNotFired) -> RegistrationInfo {
        let scope = format!("{origin}/");
        RegistrationInfo {
            api: SyncApi::OneShot,
            scope: ScopeKey {
                origin: origin.try_into().expect("short"),
                scope: scope.as_str().try_into().expect("short"),
            },
            tag: Tag::try_from(tag).expect("short"),
            state: RegistrationState::Waiting,
            attempts,
            registered_at: WallTime(0),
            why,
        }
    }

    #[test]
    fn what_needs_somebody_comes_first_and_all_are_counted() {
        let retry = |in_ms| WhyNotFired::WaitsForRetry {
            in_ms,
            failed_attempts: 1,
        };
        let overview = Overview::new(&[
            waits("https://a.example", "offline", 0, WhyNotFired::Offline),
            waits("https://a.example", "later", 1, retry(60_000)),
            waits("https://a.example", "soon", 1, retry(5_000)),
            waits(
                "https://b.example",
                "blocked",
                0,
                WhyNotFired::NoActiveWorker,
            ),
            waits(
                "https://a.example",
                "now",
                1,
                WhyNotFired::Running { attempt: 1 },
            ),
        ]);
        let names: Vec<_> = overview.rows().map(|row| row.told.tag.as_str()).collect();
        assert_eq!(names, ["blocked", "now", "soon", "later", "offline"]);
        let counts = Counts {
            all: 5,
            sending: 1,
            blocked: 1,
        };
        assert_eq!(overview.counts, counts);
        assert_eq!(overview.next_ms, Some(5_000));
        assert_eq!((overview.apps.len(), overview.apps[1].count), (2, 4));
    }

    #[test]
    fn the_rows_are_bounded() {
        let many: Vec<_> = (0..8_000)
            .map(|number| {
                let tag = format!("tag {number}");
                waits("https://a.example", &tag, 0, WhyNotFired::Offline)
            })
            .collect();
        let overview = Overview::new(&many);
        assert_eq!(overview.rows().count(), MAX_ROWS);
        assert_eq!(overview.left_out, 8_000 - MAX_ROWS);
        assert_eq!(overview.counts.all, 8_000);
    }
}
