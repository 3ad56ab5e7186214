//! Clients that each keep a delivery thread waiting, and the limits on how many there may be.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::{Duration, Instant};

use background_sync_core::Origin;
use url::{Host, Url};

/// Clients that each keep a thread waiting, at the same time. Beyond that, replies wait for one of them to take its own,
/// to go away or to be given up; a client that is gone takes no thread.
pub const MAX_BLOCKED_CLIENTS: usize = 64;

/// Such clients of one origin, those that were given up included. Another connection of that origin ends instead of being
/// delivered a reply.
pub const MAX_BLOCKED_CLIENTS_PER_ORIGIN: usize = 8;

/// The same of one site: of hosts that may have one owner.
pub const MAX_BLOCKED_CLIENTS_PER_SITE: usize = 16;

/// A client that keeps a thread waiting for longer than this, in milliseconds, is given up: its connection ends, and it
/// holds up nobody any more.
pub const BLOCKED_CLIENT_LIMIT_MS: u64 = 5_000;

/// Threads that wait for clients that were given up: they end with those. Beyond that, replies wait. It takes the clients
/// of 64 sites that keep their channels and never read.
pub const MAX_GIVEN_UP_CLIENTS: usize = 1_024;

const LIMIT: Duration = Duration::from_millis(BLOCKED_CLIENT_LIMIT_MS);

/// A label before the last one that is no longer than this may be one under which everybody can have a name, as in
/// `shop.co.uk`.
const LONGEST_SHARED_LABEL: usize = 3;

/// Which clients these are, by the keys of their connections, and how many of whom.
pub(super) struct Blocked<K> {
    /// Not given up, the oldest first.
    waited_for: Vec<(K, Instant)>,
    given_up: usize,
    of: HashMap<Owner, usize>,
}

impl<K: Copy + PartialEq> Blocked<K> {
    pub fn new() -> Self {
        Self {
            waited_for: Vec::new(),
            given_up: 0,
            of: HashMap::new(),
        }
    }

    pub fn add(&mut self, key: K, origin: &Origin, now: Instant) {
        for owner in owners(origin) {
            *self.of.entry(owner).or_default() += 1;
        }
        self.waited_for.push((key, now));
    }

    pub fn release(&mut self, key: K, origin: &Origin) {
        let mut waited_for = self.waited_for.iter();
        match waited_for.position(|(other, _)| *other == key) {
            Some(position) => drop(self.waited_for.remove(position)),
            None => self.given_up = self.given_up.saturating_sub(1),
        }
        for owner in owners(origin) {
            if let Entry::Occupied(mut count) = self.of.entry(owner) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }

    /// Those that have been waited for long enough.
    pub fn give_up(&mut self, now: Instant) -> Vec<K> {
        let is_due = |(_, since): &(K, Instant)| now.duration_since(*since) >= LIMIT;
        let due = self.waited_for.partition_point(is_due);
        self.given_up += due;
        self.waited_for.drain(..due).map(|(key, _)| key).collect()
    }

    /// In what time one of them will have been.
    pub fn next_to_give_up(&self, now: Instant) -> Option<Duration> {
        let (_, since) = self.waited_for.first()?;
        Some((*since + LIMIT).saturating_duration_since(now))
    }

    pub fn have_room(&self) -> bool {
        self.waited_for.len() < MAX_BLOCKED_CLIENTS && self.given_up < MAX_GIVEN_UP_CLIENTS
    }

    pub fn are_waited_for(&self) -> bool {
        !self.waited_for.is_empty()
    }

    pub fn are_too_many_of(&self, origin: &Origin) -> bool {
        let most = [MAX_BLOCKED_CLIENTS_PER_ORIGIN, MAX_BLOCKED_CLIENTS_PER_SITE];
        let is_full = |(owner, most)| self.of.get(owner).is_some_and(|&count| count >= most);
        // Usually there are none.
        !self.of.is_empty() && owners(origin).iter().zip(most).any(is_full)
    }
}

/// Who has clients.
#[derive(PartialEq, Eq, Hash)]
enum Owner {
    Origin(Origin),
    Site(String),
}

fn owners(origin: &Origin) -> [Owner; 2] {
    [Owner::Origin(origin.clone()), Owner::Site(site(origin))]
}

/// Hosts that may have one owner, who could have any number of them. About the registrable domain: without the list of
/// public suffixes, the last two labels, or three if the one in the middle is short. Good enough to count by; not for
/// deciding who may see what.
fn site(origin: &Origin) -> String {
    let url = Url::parse(origin.as_str());
    let host = match url.as_ref().ok().and_then(Url::host) {
        Some(Host::Domain(host)) => host,
        Some(address) => return address.to_string(),
        None => return origin.as_str().to_owned(),
    };
    let mut labels: Vec<&str> = host.rsplit('.').filter(|label| !label.is_empty()).collect();
    let shared = labels.get(1).map(|label| label.len());
    let most = match shared {
        Some(length) if length <= LONGEST_SHARED_LABEL => 3,
        _ => 2,
    };
    labels.truncate(most);
    labels.reverse();
    labels.join(".")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_may_have_one_owner_are_one_site() {
        for (origin, expected) in [
            ("https://example.com", "example.com"),
            ("https://x1.y.example.com:444", "example.com"),
            ("http://localhost:8000", "localhost"),
            ("https://a.shop.co.uk", "shop.co.uk"),
            ("http://192.0.2.7", "192.0.2.7"),
            ("http://[2001:db8::7]", "[2001:db8::7]"),
        ] {
            assert_eq!(site(&origin.try_into().unwrap()), expected);
        }
    }
}
