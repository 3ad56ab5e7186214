//! A small world, so that the steps of a session meet each other: few origins, scopes and tags.

use arbitrary::Arbitrary;
use background_sync_core::{Caller, Origin, ScopeKey, ScopeUrl, ScriptUrl, StoredWorker, Tag};

/// Service worker registrations that pages may connect for.
pub const GOOD_PLACES: [(&str, &str); 4] = [
    ("https://a.example", "https://a.example/"),
    ("https://a.example", "https://a.example/app/"),
    ("https://b.example", "https://b.example/"),
    ("http://127.0.0.1:8000", "http://127.0.0.1:8000/x"),
];

const BAD_PLACES: [(&str, &str); 4] = [
    ("https://a.example", "https://b.example/"),
    ("null", "data:text/plain,x"),
    ("", ""),
    ("https://a.example", "\u{0}"),
];

/// Names a service worker registration.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// One of [`GOOD_PLACES`].
    Good(u8),
    /// One whose scope is not of its origin.
    Bad(u8),
}

impl Place {
    /// Its names.
    #[must_use]
    pub fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Good(number) => GOOD_PLACES[usize::from(number) % GOOD_PLACES.len()],
            Self::Bad(number) => BAD_PLACES[usize::from(number) % BAD_PLACES.len()],
        }
    }

    /// As the manager knows it.
    #[must_use]
    pub fn key(self) -> ScopeKey {
        let (origin, scope) = self.names();
        key(origin, scope)
    }
}

/// A scope.
///
/// # Panics
/// If a name is too long.
#[must_use]
pub fn key(origin: &str, scope: &str) -> ScopeKey {
    ScopeKey {
        origin: Origin::try_from(origin).expect("short"),
        scope: ScopeUrl::try_from(scope).expect("short"),
    }
}

/// Who makes the call with this number.
#[must_use]
pub fn caller(call: u8) -> Caller {
    match call % 3 {
        0 => Caller::Page,
        1 => Caller::PromptedWorker,
        _ => Caller::Worker,
    }
}

/// One of a few tags.
///
/// # Panics
/// Never: they are short.
#[must_use]
pub fn tag(number: u8) -> Tag {
    let texts = ["", "x", "outbox", "\u{1f600}\u{0}", "y", "z", "0", "1"];
    Tag::try_from(texts[usize::from(number) % texts.len()]).expect("short")
}

/// A worker with this script.
///
/// # Panics
/// If the script is too long.
#[must_use]
pub fn worker(script: &[u8]) -> StoredWorker {
    StoredWorker {
        script_url: ScriptUrl::try_from("https://a.example/sw.js").expect("short"),
        source: script.to_vec().try_into().expect("short"),
        imports: Default::default(),
        headers: Default::default(),
        updates: Default::default(),
        handles_fetch: true,
        navigation_preload: Default::default(),
    }
}
