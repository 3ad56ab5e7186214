//! Which notification has a card now: one at a time.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use servo::notifications::{NotificationId, WebNotification};

/// A card goes away after so long, unless its notification waits for a person.
const CARD_TIME: Duration = Duration::from_secs(8);

/// So many notifications wait for their card. One more takes the place of the oldest that waits.
const MAX_WAITING_CARDS: usize = 16;

/// The notifications that are to be seen. A card that has gone away does not close its notification.
#[derive(Default)]
pub struct CardQueue {
    /// The first has the card.
    notifications: VecDeque<WebNotification>,
    /// Until when it has.
    until: Option<Instant>,
    is_shown: bool,
}

impl CardQueue {
    /// A notification is to be seen.
    pub fn add(&mut self, notification: WebNotification) {
        if self.notifications.len() > MAX_WAITING_CARDS {
            self.notifications.remove(1);
        }
        self.notifications.push_back(notification);
    }

    /// A notification is not to be seen any more.
    pub fn remove(&mut self, id: NotificationId) {
        if let Some(index) = self.notifications.iter().position(|it| it.id == id) {
            self.notifications.remove(index);
            if index == 0 {
                self.until = None;
                self.is_shown = false;
            }
        }
    }

    /// The notification that has the card; its time begins when it is asked for.
    pub fn shown(&mut self, now: Instant) -> Option<&WebNotification> {
        let first = self.notifications.front()?;
        if !self.is_shown {
            self.is_shown = true;
            self.until = match first.content.require_interaction {
                true => None,
                false => now.checked_add(CARD_TIME),
            };
        }
        Some(first)
    }

    /// When [`Self::handle_time`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// Takes away the card whose time is over.
    pub fn handle_time(&mut self, now: Instant) {
        if self.until.is_some_and(|until| until <= now) {
            self.notifications.pop_front();
            self.until = None;
            self.is_shown = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::notifications::card::tests::notification;

    fn id_of(notification: Option<&WebNotification>) -> Option<u64> {
        notification.map(|it| it.id.0)
    }

    #[test]
    fn one_card_at_a_time() {
        let mut queue = CardQueue::default();
        let start = Instant::now();
        queue.add(notification(1, false));
        queue.add(notification(2, false));
        assert_eq!(queue.deadline(), None);
        assert_eq!(id_of(queue.shown(start)), Some(1));
        assert_eq!(queue.deadline(), Some(start + CARD_TIME));
        queue.handle_time(start + CARD_TIME - Duration::from_millis(1));
        assert_eq!(id_of(queue.shown(start)), Some(1));
        queue.handle_time(start + CARD_TIME);
        let later = start + CARD_TIME;
        assert_eq!(id_of(queue.shown(later)), Some(2));
        assert_eq!(queue.deadline(), Some(later + CARD_TIME));
        queue.remove(NotificationId(2));
        assert_eq!(id_of(queue.shown(later)), None);
        assert_eq!(queue.deadline(), None);
    }

    #[test]
    fn some_wait_for_a_person() {
        let mut queue = CardQueue::default();
        queue.add(notification(1, true));
        let start = Instant::now();
        assert_eq!(id_of(queue.shown(start)), Some(1));
        queue.handle_time(start + 100 * CARD_TIME);
        assert_eq!(id_of(queue.shown(start)), Some(1));
    }

    #[test]
    fn the_oldest_that_waits_gives_way() {
        let mut queue = CardQueue::default();
        for id in 1..=20 {
            queue.add(notification(id, false));
        }
        assert_eq!(queue.notifications.len(), 1 + MAX_WAITING_CARDS);
        let ids: Vec<u64> = queue.notifications.iter().map(|it| it.id.0).collect();
        assert_eq!((ids[0], ids[1], ids[16]), (1, 5, 20));
    }
}
