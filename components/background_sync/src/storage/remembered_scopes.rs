//! A bounded set of scopes that clients and workers have named.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use background_sync_core::ScopeKey;

/// So many scopes are remembered as looked up. One more makes all of them forgotten, which costs each
/// one more look: peers may name as many as they like.
const MAX_REMEMBERED_SCOPES: usize = 65_536;

/// Scopes, by their hashes: their names may be long.
#[derive(Default)]
pub(crate) struct RememberedScopes {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl RememberedScopes {
    /// Returns whether it was not there.
    pub fn insert(&mut self, scope: &ScopeKey) -> bool {
        if self.hashes.len() >= MAX_REMEMBERED_SCOPES {
            self.hashes.clear();
        }
        self.hashes.insert(self.hasher.hash_one(scope))
    }

    pub fn remove(&mut self, scope: &ScopeKey) {
        self.hashes.remove(&self.hasher.hash_one(scope));
    }

    pub fn contains(&self, scope: &ScopeKey) -> bool {
        self.hashes.contains(&self.hasher.hash_one(scope))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use super::*;

    #[test]
    fn scopes_that_peers_name_do_not_add_up() {
        let mut remembered = RememberedScopes::default();
        let scope = |number: usize| ScopeKey {
            origin: "https://a.example".try_into().unwrap(),
            scope: format!("https://a.example/{number}").try_into().unwrap(),
        };
        assert!(remembered.insert(&scope(0)) && !remembered.insert(&scope(0)));
        for number in 0..MAX_REMEMBERED_SCOPES + 10 {
            remembered.insert(&scope(number));
        }
        assert!(remembered.hashes.len() <= MAX_REMEMBERED_SCOPES);
    }
}
