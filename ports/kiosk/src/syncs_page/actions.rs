//! What a person at the page can have done: each is a link that leads to a question, and each question has a link that does it.
//! A link names nothing but a number that can't be guessed and that works once, so no text of an app is part of an address.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use url::Url;

use super::ADDRESS;
use crate::sync_report::rows::Name;

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Send it now, whatever it waits for.
    Send(Name),
    /// Drop everything that this origin has waiting.
    Clear {
        /// As a text.
        origin: String,
    },
}

/// What a link leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The question whether it is to be done.
    Ask(Work),
    /// It is done.
    Do(Work),
}

/// The links of the page that is shown.
#[derive(Debug)]
pub struct Actions {
    /// Keyed by the system's random numbers.
    secret: RandomState,
    made: u64,
    offers: HashMap<String, Offer>,
}

impl Default for Actions {
    fn default() -> Self {
        Self {
            secret: RandomState::new(),
            made: 0,
            offers: HashMap::new(),
        }
    }
}

impl Actions {
    /// A page is made anew: what it does not offer again is void. Returns what the page before it offered.
    pub fn begin(&mut self) -> HashMap<String, Offer> {
        std::mem::take(&mut self.offers)
    }

    /// The address of a link. It stays the same while the same is offered, so that a page which is brought up to date keeps
    /// its focus.
    pub fn link(&mut self, offer: Offer, before: &HashMap<String, Offer>) -> String {
        let known = before.iter().find(|(_, known)| **known == offer);
        let token = match known {
            Some((token, _)) => token.clone(),
            None => self.new_token(),
        };
        let link = format!("{ADDRESS}/{token}");
        self.offers.insert(token, offer);
        link
    }

    fn new_token(&mut self) -> String {
        self.made += 1;
        let [high, low] = [0_u8, 1].map(|half| self.secret.hash_one((self.made, half)));
        format!("{high:016x}{low:016x}")
    }

    /// What the link at this address leads to. What is done is done once.
    pub fn follow(&mut self, url: &Url) -> Option<Offer> {
        let token = url.as_str().strip_prefix(ADDRESS)?.strip_prefix('/')?;
        match self.offers.get(token)? {
            Offer::Ask(_) => self.offers.get(token).cloned(),
            Offer::Do(_) => self.offers.remove(token),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clear(origin: &str) -> Work {
        Work::Clear {
            origin: origin.to_owned(),
        }
    }

    fn url(link: &str) -> Url {
        link.parse().expect("a URL")
    }

    #[test]
    fn what_is_done_is_done_once() {
        let mut actions = Actions::default();
        let before = actions.begin();
        let link = actions.link(Offer::Do(clear("https://a.example")), &before);
        assert_eq!(
            actions.follow(&url(&link)),
            Some(Offer::Do(clear("https://a.example")))
        );
        assert_eq!(actions.follow(&url(&link)), None);
    }

    #[test]
    fn a_link_stays_while_it_is_offered_and_is_void_afterwards() {
        let mut actions = Actions::default();
        let before = actions.begin();
        let ask = Offer::Ask(clear("https://a.example"));
        let link = actions.link(ask.clone(), &before);
        let before = actions.begin();
        assert_eq!(actions.link(ask.clone(), &before), link);
        let before = actions.begin();
        let other = actions.link(Offer::Ask(clear("https://b.example")), &before);
        assert_ne!(other, link);
        assert_eq!(actions.follow(&url(&link)), None);
    }

    #[test]
    fn a_guess_leads_nowhere() {
        let mut actions = Actions::default();
        for guess in [
            "kiosk:syncs",
            "kiosk:syncs/",
            "kiosk:syncs/1",
            "https://a.example/",
        ] {
            assert_eq!(actions.follow(&url(guess)), None, "{guess}");
        }
    }
}
