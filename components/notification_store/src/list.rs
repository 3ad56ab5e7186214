//! The list of notifications.

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::content::{Content, MAX_URL_BYTES, TooLong};

/// So many notifications of an origin are kept. One more takes the place of the oldest.
pub const MAX_NOTIFICATIONS_OF_ORIGIN: usize = 32;

/// So many notifications are kept. One more takes the place of the oldest.
pub const MAX_NOTIFICATIONS_IN_ALL: usize = 512;

/// All notifications together have so many bytes at most, as they are counted against the limits of each. The oldest give
/// way.
pub const MAX_BYTES_IN_ALL: usize = 8 * 1024 * 1024;

/// No browser shows so many notifications.
const MAX_ID: u64 = 1 << 48;

/// Names a notification of a profile, in this run and in later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NotificationId(pub u64);

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A [persistent notification](https://notifications.spec.whatwg.org/#persistent-notification).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Its name.
    pub id: NotificationId,
    /// The serialization of its origin.
    pub origin: String,
    /// The scope of its service worker registration.
    pub scope: String,
    /// What it says.
    pub content: Content,
}

impl Notification {
    /// How much of [`MAX_BYTES_IN_ALL`] it takes.
    fn bytes(&self) -> usize {
        self.origin.len() + self.scope.len() + self.content.bytes()
    }
}

/// What became of the list when a notification was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The new notification.
    pub id: NotificationId,
    /// The one that it has replaced, for its tag.
    pub replaced: Option<NotificationId>,
    /// Those that had to go, for a limit.
    pub dropped: Vec<NotificationId>,
}

/// The [list of notifications](https://notifications.spec.whatwg.org/#list-of-notifications), as far as it is kept, in
/// the order in which they were shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationList {
    notifications: Vec<Notification>,
    last_id: u64,
}

impl NotificationList {
    /// A name for a notification that is shown and not kept.
    pub fn next_id(&mut self) -> NotificationId {
        self.last_id = self.last_id.wrapping_add(1);
        NotificationId(self.last_id)
    }

    /// Adds a notification.
    ///
    /// <https://notifications.spec.whatwg.org/#notification-show-steps>, steps 4 to 6.1.
    ///
    /// # Errors
    /// [`TooLong`] if a part of it is; then nothing has changed.
    pub fn show(&mut self, origin: &str, scope: &str, content: Content) -> Result<Shown, TooLong> {
        content.check()?;
        if origin.len().max(scope.len()) > MAX_URL_BYTES {
            return Err(TooLong::Urls);
        }
        let id = self.next_id();
        // Steps 4 and 5: the one of the same tag goes.
        let replaced = self
            .notifications
            .extract_if(.., |old| {
                !content.tag.is_empty() && old.content.tag == content.tag && old.origin == origin
            })
            .map(|old| old.id)
            .last();
        // Step 6.1.
        self.notifications.push(Notification {
            id,
            origin: origin.to_owned(),
            scope: scope.to_owned(),
            content,
        });
        let dropped = self.make_room(origin);
        Ok(Shown {
            id,
            replaced,
            dropped,
        })
    }

    /// Those of a registration, in the order in which they were shown. An empty tag stands for all.
    pub fn of_registration<'a>(
        &'a self,
        scope: &'a str,
        tag: &'a str,
    ) -> impl Iterator<Item = &'a Notification> {
        self.notifications
            .iter()
            .filter(move |it| it.scope == scope && (tag.is_empty() || it.content.tag == tag))
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Notification> {
        self.notifications.iter()
    }

    /// The one of this name.
    #[must_use]
    pub fn get(&self, id: NotificationId) -> Option<&Notification> {
        self.notifications.iter().find(|it| it.id == id)
    }

    /// Takes one out of the list.
    pub fn remove(&mut self, id: NotificationId) -> Option<Notification> {
        let index = self.notifications.iter().position(|it| it.id == id)?;
        Some(self.notifications.remove(index))
    }

    /// Takes all out of the list of which `goes` says so.
    pub fn remove_if(
        &mut self,
        mut goes: impl FnMut(&Notification) -> bool,
    ) -> Vec<NotificationId> {
        self.notifications
            .extract_if(.., |it| goes(it))
            .map(|it| it.id)
            .collect()
    }

    /// Whether [`Self::show`] and the like can have made it. Otherwise its limits would not hold, here and in the file.
    pub(crate) fn is_possible(&self) -> bool {
        let each_is_possible = self.notifications.iter().all(|it| {
            it.content.check().is_ok() && it.origin.len().max(it.scope.len()) <= MAX_URL_BYTES
        });
        let ids: Vec<u64> = self.notifications.iter().map(|it| it.id.0).collect();
        let mut of_origins: HashMap<&str, usize> = HashMap::new();
        for notification in &self.notifications {
            *of_origins.entry(&notification.origin).or_default() += 1;
        }
        let bytes: usize = self.notifications.iter().map(Notification::bytes).sum();
        each_is_possible
            && ids.is_sorted_by(|one, next| one < next)
            && ids.last().is_none_or(|last| *last <= self.last_id)
            && self.last_id <= MAX_ID
            && of_origins
                .values()
                .all(|count| *count <= MAX_NOTIFICATIONS_OF_ORIGIN)
            && self.notifications.len() <= MAX_NOTIFICATIONS_IN_ALL
            && bytes <= MAX_BYTES_IN_ALL
    }

    /// The oldest go until the limits hold; the newest stays.
    fn make_room(&mut self, origin: &str) -> Vec<NotificationId> {
        let of_origin = self.notifications.iter().filter(|it| it.origin == origin);
        let mut too_many_of_origin = of_origin
            .count()
            .saturating_sub(MAX_NOTIFICATIONS_OF_ORIGIN);
        let mut too_many = self
            .notifications
            .len()
            .saturating_sub(MAX_NOTIFICATIONS_IN_ALL);
        let bytes: usize = self.notifications.iter().map(Notification::bytes).sum();
        let mut too_many_bytes = bytes.saturating_sub(MAX_BYTES_IN_ALL);
        self.remove_if(|it| {
            if it.origin == origin && too_many_of_origin > 0 {
                too_many_of_origin -= 1;
            } else if too_many == 0 && too_many_bytes == 0 {
                return false;
            }
            too_many = too_many.saturating_sub(1);
            too_many_bytes = too_many_bytes.saturating_sub(it.bytes());
            true
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use super::*;
    use crate::content::{Action, MAX_ACTIONS, MAX_DATA_BYTES, MAX_TEXT_BYTES};

    const ORIGIN: &str = "https://a.example";
    const SCOPE: &str = "https://a.example/app/";

    fn tagged(title: &str, tag: &str) -> Content {
        Content {
            title: title.to_owned(),
            tag: tag.to_owned(),
            ..Content::default()
        }
    }

    fn titles(list: &NotificationList) -> Vec<&str> {
        list.iter().map(|it| it.content.title.as_str()).collect()
    }

    #[test]
    fn a_tag_replaces_in_its_origin_alone() {
        let mut list = NotificationList::default();
        let first = list.show(ORIGIN, SCOPE, tagged("first", "t")).unwrap();
        list.show(
            "https://b.example",
            "https://b.example/",
            tagged("other", "t"),
        )
        .unwrap();
        list.show(ORIGIN, SCOPE, tagged("none", "")).unwrap();
        let second = list
            .show(ORIGIN, "https://a.example/", tagged("second", "t"))
            .unwrap();
        assert_eq!(second.replaced, Some(first.id));
        assert_eq!(
            list.show(ORIGIN, SCOPE, tagged("none again", ""))
                .unwrap()
                .replaced,
            None
        );
        assert_eq!(titles(&list), ["other", "none", "second", "none again"]);
    }

    #[test]
    fn a_registration_sees_its_own_by_tag() {
        let mut list = NotificationList::default();
        list.show(ORIGIN, SCOPE, tagged("one", "t")).unwrap();
        list.show(ORIGIN, SCOPE, tagged("two", "u")).unwrap();
        list.show(ORIGIN, "https://a.example/", tagged("three", "v"))
            .unwrap();
        assert_eq!(list.of_registration(SCOPE, "").count(), 2);
        assert_eq!(list.of_registration(SCOPE, "u").count(), 1);
        assert_eq!(list.of_registration(SCOPE, "v").count(), 0);
    }

    #[test]
    fn names_are_not_used_again() {
        let mut list = NotificationList::default();
        let first = list.show(ORIGIN, SCOPE, tagged("one", "")).unwrap().id;
        assert!(list.remove(first).is_some());
        assert!(list.remove(first).is_none());
        assert_ne!(
            list.show(ORIGIN, SCOPE, tagged("two", "")).unwrap().id,
            first
        );
    }

    #[test]
    fn the_oldest_of_an_origin_gives_way() {
        let mut list = NotificationList::default();
        list.show(
            "https://b.example",
            "https://b.example/",
            tagged("other", ""),
        )
        .unwrap();
        for number in 0..MAX_NOTIFICATIONS_OF_ORIGIN {
            let shown = list
                .show(ORIGIN, SCOPE, tagged(&number.to_string(), ""))
                .unwrap();
            assert_eq!(shown.dropped, []);
        }
        let shown = list.show(ORIGIN, SCOPE, tagged("one more", "")).unwrap();
        assert_eq!(shown.dropped.len(), 1);
        assert_eq!(list.iter().count(), 1 + MAX_NOTIFICATIONS_OF_ORIGIN);
        assert_eq!(titles(&list)[..2], ["other", "1"]);
    }

    #[test]
    fn the_oldest_of_all_give_way() {
        let mut list = NotificationList::default();
        for number in 0..MAX_NOTIFICATIONS_IN_ALL + 3 {
            let origin = format!("https://{number}.example");
            list.show(&origin, &origin, tagged("x", "")).unwrap();
        }
        assert_eq!(list.iter().count(), MAX_NOTIFICATIONS_IN_ALL);
        let big = Content {
            data: vec![0; MAX_DATA_BYTES],
            ..Content::default()
        };
        for number in 0..MAX_BYTES_IN_ALL / MAX_DATA_BYTES + 8 {
            let origin = format!("https://big{number}.example");
            let shown = list.show(&origin, &origin, big.clone()).unwrap();
            assert!(list.get(shown.id).is_some());
        }
        let bytes: usize = list.iter().map(Notification::bytes).sum();
        assert!(bytes <= MAX_BYTES_IN_ALL, "{bytes}");
    }

    #[test]
    fn what_is_too_long_is_refused_and_changes_nothing() {
        let mut list = NotificationList::default();
        list.show(ORIGIN, SCOPE, tagged("kept", "t")).unwrap();
        let before = list.clone();
        let long = [
            (tagged(&"x".repeat(MAX_TEXT_BYTES), "t"), TooLong::Texts),
            (
                Content {
                    data: vec![0; MAX_DATA_BYTES + 1],
                    ..tagged("x", "t")
                },
                TooLong::Data,
            ),
            (
                Content {
                    icon: Some("x".repeat(MAX_URL_BYTES + 1)),
                    ..tagged("x", "t")
                },
                TooLong::Urls,
            ),
            (
                Content {
                    actions: vec![Action::default(); MAX_ACTIONS + 1],
                    ..tagged("x", "t")
                },
                TooLong::Actions,
            ),
        ];
        for (content, why) in long {
            assert_eq!(list.show(ORIGIN, SCOPE, content), Err(why));
        }
        let long_scope = format!("{SCOPE}{}", "x".repeat(MAX_URL_BYTES));
        let shown = list.show(ORIGIN, &long_scope, tagged("x", "t"));
        assert_eq!(shown, Err(TooLong::Urls));
        assert_eq!(list, before);
    }
}
