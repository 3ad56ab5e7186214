use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};

use servo::notifications::{NotificationId, WebNotification};
use servo::service_worker_windows::WindowRequest;

use super::desktop::Desktop;
use super::queue::CardQueue;
use crate::config::NotificationDisplay;
use crate::message::{Mailbox, Message};

/// Notifications and windows whose turn is yet to come.
#[derive(Default)]
pub struct Waiting {
    /// Notifications that have a card, or wait for one.
    pub(super) cards: RefCell<CardQueue>,
    /// Who shows notifications instead of cards.
    desktop: Option<Desktop>,
    /// Those of which [`Self::desktop`] has not told yet whether it shows them.
    at_desktop: RefCell<BTreeSet<NotificationId>>,
    /// What workers want to be opened.
    pub(super) windows: RefCell<VecDeque<WindowRequest>>,
}

impl Waiting {
    /// Nothing waits.
    pub fn new(display: NotificationDisplay, mailbox: &Mailbox) -> Self {
        let mailbox = mailbox.clone();
        let start = || Desktop::start(move |news| mailbox.send(Message::Desktop(news)));
        Self {
            desktop: (display == NotificationDisplay::Desktop).then(start),
            ..Self::default()
        }
    }

    /// A notification is to be seen. Returns why the desktop does not show it, if it was to.
    pub(super) fn show(&self, notification: WebNotification) -> Option<&'static str> {
        let Some(desktop) = &self.desktop else {
            self.cards.borrow_mut().add(notification);
            return None;
        };
        match desktop.show(&notification) {
            Ok(()) => {
                self.at_desktop.borrow_mut().insert(notification.id);
                None
            }
            Err(reason) => {
                self.cards.borrow_mut().add(notification);
                Some(reason)
            }
        }
    }

    /// The desktop does not show a notification that it was to show. A card does, if it is still to be seen.
    pub(super) fn show_card_instead(&self, notification: WebNotification) {
        if self.at_desktop.borrow_mut().remove(&notification.id) {
            self.cards.borrow_mut().add(notification);
        }
    }

    /// Another notification takes the place of this one. The desktop is told of that together with the other one.
    pub(super) fn take_card_away(&self, id: NotificationId) {
        self.cards.borrow_mut().remove(id);
        self.at_desktop.borrow_mut().remove(&id);
    }

    /// A notification is not to be seen any more.
    pub(super) fn take_away(&self, id: NotificationId) {
        self.take_card_away(id);
        if let Some(desktop) = &self.desktop {
            desktop.close(id);
        }
    }

    /// The desktop shows a notification.
    pub(super) fn note_shown(&self, id: NotificationId) {
        self.at_desktop.borrow_mut().remove(&id);
    }
}
