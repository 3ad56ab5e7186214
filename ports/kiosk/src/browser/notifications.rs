//! Notifications of pages and service workers: which have a card in the window, and what a person does with them.

mod card;
mod desktop;
mod event;
mod queue;
mod view;
mod waiting;

use std::rc::Rc;
use std::time::Instant;

use euclid::Scale;
use servo::notifications::{NotificationId, WebNotification};
use servo::service_worker_windows::WindowRequest;
use servo::{WebView, WebViewBuilder, WebViewDelegate};
use url::Url;

use self::card::CardLayout;
use self::card::Tap;
pub use self::desktop::DesktopNews;
pub use self::event::{CardState, NotificationEvent, NotificationSource};
pub use self::view::CardView;
pub use self::waiting::Waiting;
use super::Browser;
use super::delegate::State;
use super::surface::{CardPlace, Surface, SurfaceFactory};
use crate::event::{Event, Requester};
use crate::failure::Failure;

/// So many windows that workers have asked for wait to be opened. One more is refused.
const MAX_WANTED_WINDOWS: usize = 8;

/// Where the engine tells that it has drawn a card.
struct CardDelegate(Rc<dyn Surface>);

impl WebViewDelegate for CardDelegate {
    fn notify_new_frame_ready(&self, webview: WebView) {
        self.0.card_ready(&webview);
    }
}

impl State {
    /// A notification is new, or was kept by an earlier run: of these, only those have a card again that wait for a person.
    pub fn show_notification_card(
        &self,
        notification: WebNotification,
        source: NotificationSource,
    ) {
        if let Some(replaced) = notification.replaces {
            self.waiting().take_card_away(replaced);
        }
        let shown = NotificationEvent::Shown(Box::new(notification.clone()), source);
        self.push(Event::Notification(shown));
        if source == NotificationSource::ThisRun || notification.content.require_interaction {
            let id = notification.id;
            if let Some(reason) = self.waiting().show(notification) {
                self.note_refusal(id, reason.to_owned());
            }
        }
    }

    /// A notification is gone.
    pub fn close_notification_card(&self, id: NotificationId) {
        self.waiting().take_away(id);
        self.push(Event::Notification(NotificationEvent::Closed(id)));
    }

    fn note_refusal(&self, id: NotificationId, reason: String) {
        let event = NotificationEvent::Desktop(id, Err(reason));
        self.push(Event::Notification(event));
    }

    /// A worker wants a window.
    pub fn want_window(&self, request: WindowRequest) {
        let mut wanted = self.waiting().windows.borrow_mut();
        if wanted.len() < MAX_WANTED_WINDOWS {
            wanted.push_back(request);
        }
    }
}

impl Browser {
    /// Tells of the notifications that an earlier run has kept.
    pub fn announce_notifications(&self) {
        let manager = self.servo.notification_manager();
        for notification in manager.map(|it| it.kept()).unwrap_or_default() {
            self.state
                .show_notification_card(notification, NotificationSource::EarlierRun);
        }
    }

    /// A person, or a program in their place, clicks a notification or one of its actions.
    pub fn click_notification(&self, id: u64, action: Option<&str>, requester: Requester) {
        let clicked = self
            .servo
            .notification_manager()
            .ok_or_else(|| "notifications are off".to_owned())
            .and_then(|it| {
                it.click(NotificationId(id), action)
                    .map_err(|error| error.to_string())
            });
        match clicked {
            // Its person has seen it.
            Ok(()) => self.state.waiting().take_away(NotificationId(id)),
            Err(reason) => self.push_event(Event::CommandFailed(requester, reason)),
        }
    }

    /// A person, or a program in their place, closes a notification.
    pub fn close_notification(&self, id: u64, requester: Requester) {
        let closed = self
            .servo
            .notification_manager()
            .ok_or_else(|| "notifications are off".to_owned())
            .and_then(|it| {
                it.close(NotificationId(id))
                    .map_err(|error| error.to_string())
            });
        match closed {
            Ok(()) => self.state.close_notification_card(NotificationId(id)),
            Err(reason) => self.push_event(Event::CommandFailed(requester, reason)),
        }
    }

    /// The desktop's service has something to tell.
    pub fn follow_desktop(&self, news: DesktopNews) {
        match news {
            DesktopNews::Shown(id) => {
                self.state.waiting().note_shown(id);
                let event = NotificationEvent::Desktop(id, Ok(()));
                self.push_event(Event::Notification(event));
            }
            DesktopNews::NotShown(notification, reason) => {
                self.state.note_refusal(notification.id, reason);
                self.state.waiting().show_card_instead(*notification);
            }
            DesktopNews::Clicked(id, action) => {
                self.click_notification(id.0, action.as_deref(), Requester::Person);
            }
            DesktopNews::Dismissed(id) => self.close_notification(id.0, Requester::Person),
        }
    }

    /// The notifications of a site go with its other data.
    pub(super) fn clear_notifications(&self, site: &str) {
        let manager = self.servo.notification_manager();
        for id in manager
            .map(|it| it.clear_for_sites(&[site]))
            .unwrap_or_default()
        {
            self.state.close_notification_card(id);
        }
    }

    /// Opens the windows that workers want. A kiosk shows one app: a window may show what is of the worker's origin or
    /// of the page's that the kiosk was started with.
    ///
    /// # Errors
    /// If no window can be opened.
    pub fn open_wanted_windows(
        &mut self,
        home: &Url,
        surfaces: &dyn SurfaceFactory,
    ) -> Result<(), Failure> {
        loop {
            let request = self.state.waiting().windows.borrow_mut().pop_front();
            let Some(request) = request else {
                return Ok(());
            };
            let url = request.url().clone();
            let origin = url.origin();
            let is_of_the_app =
                origin.ascii_serialization() == request.origin() || origin == home.origin();
            if !is_of_the_app || !self.allows_page(&url) {
                let refused = NotificationEvent::WindowRefused(url);
                self.push_event(Event::Notification(refused));
                continue;
            }
            self.open(url, surfaces)?;
            if let Some(page) = &self.page {
                request.opened(page);
            }
        }
    }

    /// When a card has been seen for long enough.
    pub fn card_deadline(&self) -> Option<Instant> {
        self.state.waiting().cards.borrow().deadline()
    }

    /// Shows the card whose turn it is, if there is a window, and takes away what has been seen.
    pub fn follow_cards(&mut self) {
        let next = {
            let mut cards = self.state.waiting().cards.borrow_mut();
            cards.handle_time(Instant::now());
            match self.surface {
                Some(_) => cards.shown(Instant::now()).cloned(),
                None => None,
            }
        };
        let next_id = next.as_ref().map(|it| it.id);
        if self.card.as_ref().map(|it| it.id) == next_id {
            return;
        }
        if let Some(card) = self.card.take() {
            if let Some(surface) = &self.surface {
                surface.show_card(None);
            }
            let hidden = NotificationEvent::Card(card.id, CardState::Hidden);
            self.push_event(Event::Notification(hidden));
        }
        if let (Some(notification), Some(surface)) = (next, self.surface.clone()) {
            self.show_card(&notification, &surface);
        }
    }

    fn show_card(&mut self, notification: &WebNotification, surface: &Rc<dyn Surface>) {
        let scale = surface.scale();
        let window = surface.rendering_context().size();
        let layout = CardLayout::new(notification, (window.width, window.height), scale);
        let Some(context) = surface.card_context(layout.size()) else {
            return;
        };
        let webview = WebViewBuilder::new(&self.servo, context)
            .url(layout.page(notification))
            .hidpi_scale_factor(Scale::new(scale))
            .delegate(Rc::new(CardDelegate(surface.clone())))
            .build();
        surface.show_card(Some((webview.clone(), layout.place())));
        self.card = Some(CardView {
            id: notification.id,
            layout,
            webview,
        });
        let shown = NotificationEvent::Card(notification.id, CardState::Shown);
        self.push_event(Event::Notification(shown));
    }

    /// What the card is drawn by.
    pub(super) fn card_webview(&self) -> Option<&WebView> {
        self.card.as_ref().map(|card| &card.webview)
    }

    /// Where the card is.
    pub(super) fn card_place(&self) -> Option<CardPlace> {
        self.card.as_ref().map(|card| card.layout.place())
    }

    /// A person taps at a point of the window, in device pixels. Returns whether that was the card's.
    pub fn tap_card(&self, x: f32, y: f32) -> bool {
        let Some(card) = &self.card else {
            return false;
        };
        let Some(tap) = card.layout.hit(x, y) else {
            return false;
        };
        let id = card.id.0;
        match tap {
            Tap::Close => self.close_notification(id, Requester::Person),
            Tap::Body => self.click_notification(id, None, Requester::Person),
            Tap::Action(index) => {
                let name = card.layout.action(index).map(str::to_owned);
                self.click_notification(id, name.as_deref(), Requester::Person);
            }
        }
        true
    }
}
