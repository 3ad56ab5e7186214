//! Clients that each keep a thread waiting.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use background_sync_core::Origin;
use url::{Host, Url};

use super::{
    BLOCKED_CLIENT_LIMIT_MS, MAX_BLOCKED_CLIENTS, MAX_BLOCKED_CLIENTS_PER_ORIGIN,
    MAX_BLOCKED_CLIENTS_PER_SITE, MAX_GIVEN_UP_CLIENTS,
};
use crate::mailbox::ConnectionKey;

/// A label before the last one that is no longer than this may be one under which everybody can have a name, as in
/// `shop.co.uk`.
const LONGEST_SHARED_LABEL: usize = 3;

/// A client that is handed something.
#[derive(Clone)]
pub(super) struct Handing {
    pub round: u64,
    pub key: ConnectionKey,
    pub origin: Origin,
}

#[derive(Default)]
pub(super) struct Blocked {
    /// Not given up, the oldest first.
    waited_for: Vec<(Handing, Instant)>,
    given_up: usize,
    of_origin: HashMap<Origin, usize>,
    of_site: HashMap<String, usize>,
}

impl Blocked {
    pub fn add(&mut self, handing: Handing, now: Instant) {
        *self.of_origin.entry(handing.origin.clone()).or_default() += 1;
        *self.of_site.entry(site(&handing.origin)).or_default() += 1;
        self.waited_for.push((handing, now));
    }

    pub fn release(&mut self, round: u64, origin: &Origin) {
        let mut waited_for = self.waited_for.iter();
        match waited_for.position(|(handing, _)| handing.round == round) {
            Some(position) => drop(self.waited_for.remove(position)),
            None => self.given_up = self.given_up.saturating_sub(1),
        }
        count_down(&mut self.of_origin, origin);
        count_down(&mut self.of_site, &site(origin));
    }

    /// Those that have been waited for long enough.
    pub fn give_up(&mut self, now: Instant) -> Vec<ConnectionKey> {
        let is_due = |(_, since): &(Handing, Instant)| now.duration_since(*since) >= LIMIT;
        let due = self.waited_for.partition_point(is_due);
        self.given_up += due;
        let given_up = self.waited_for.drain(..due);
        given_up.map(|(handing, _)| handing.key).collect()
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
        let is_full = |count: Option<&usize>, most| count.is_some_and(|&count| count >= most);
        // Usually there are none.
        !self.of_origin.is_empty()
            && (is_full(self.of_origin.get(origin), MAX_BLOCKED_CLIENTS_PER_ORIGIN)
                || is_full(
                    self.of_site.get(&site(origin)),
                    MAX_BLOCKED_CLIENTS_PER_SITE,
                ))
    }
}

const LIMIT: Duration = Duration::from_millis(BLOCKED_CLIENT_LIMIT_MS);

fn count_down<K: Hash + Eq + Clone>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
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
