//! Stands in for `notifications.rs` where the engine lacks the patches of the group `offline`: nobody can show any.

use std::time::Instant;

use servo::WebView;
use url::Url;

use super::Browser;
use super::surface::{CardPlace, SurfaceFactory};
use crate::config::NotificationDisplay;
use crate::event::{Event, Requester};
use crate::failure::Failure;
use crate::message::Mailbox;

/// There is none.
pub enum CardView {}

/// There is none.
#[derive(Debug)]
pub enum DesktopNews {}

/// Nothing ever waits.
pub struct Waiting;

impl Waiting {
    /// Nothing waits.
    pub fn new(_: NotificationDisplay, _: &Mailbox) -> Self {
        Self
    }
}

impl Browser {
    /// There are none.
    pub fn follow_desktop(&self, news: DesktopNews) {
        match news {}
    }

    /// There are none.
    pub fn announce_notifications(&self) {}

    /// Is refused.
    pub fn click_notification(&self, _: u64, _: Option<&str>, requester: Requester) {
        self.refuse_notification(requester);
    }

    /// Is refused.
    pub fn close_notification(&self, _: u64, requester: Requester) {
        self.refuse_notification(requester);
    }

    fn refuse_notification(&self, requester: Requester) {
        let reason = "this kiosk was built without notifications".to_owned();
        self.push_event(Event::CommandFailed(requester, reason));
    }

    /// There are none.
    pub(super) fn clear_notifications(&self, _: &str) {}

    /// Nobody wants any.
    pub fn open_wanted_windows(&mut self, _: &Url, _: &dyn SurfaceFactory) -> Result<(), Failure> {
        Ok(())
    }

    /// Never.
    pub fn card_deadline(&self) -> Option<Instant> {
        None
    }

    /// There are none.
    pub fn follow_cards(&mut self) {}

    /// There is none.
    pub(super) fn card_webview(&self) -> Option<&WebView> {
        self.card.as_ref().map(|card| match *card {})
    }

    /// There is none.
    pub(super) fn card_place(&self) -> Option<CardPlace> {
        None
    }

    /// There is none.
    pub fn tap_card(&self, _: f32, _: f32) -> bool {
        false
    }
}
