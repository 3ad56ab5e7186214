//! What becomes of notifications, as the control channel sees it.

use serde_json::{Value, json};
use servo::notifications::{NotificationId, WebNotification};
use url::Url;

/// When a notification was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationSource {
    /// Just now.
    ThisRun,
    /// In an earlier run of the kiosk, which has kept it.
    EarlierRun,
}

/// Whether a card can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardState {
    /// It can.
    Shown,
    /// It can no more, or not now. Its notification need not be gone.
    Hidden,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum NotificationEvent {
    /// A notification is shown, or was kept by an earlier run.
    Shown(Box<WebNotification>, NotificationSource),
    /// A notification is gone, for whatever reason.
    Closed(NotificationId),
    /// The card of a notification is seen in the window, or no more.
    Card(NotificationId, CardState),
    /// The desktop's service shows a notification, or does not, for a reason; it gets a card then.
    Desktop(NotificationId, Result<(), String>),
    /// A service worker wanted a window for what the kiosk does not show.
    WindowRefused(Url),
}

impl NotificationEvent {
    /// As it goes to the control channel.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Shown(notification, source) => notification_to_json(notification, *source),
            Self::Closed(id) => json!({"event": "notification-closed", "id": id.0}),
            Self::Desktop(id, shown) => {
                json!({"event": "notification-desktop", "id": id.0, "error": shown.as_ref().err()})
            }
            Self::WindowRefused(url) => json!({"event": "window-refused", "url": url}),
            Self::Card(id, state) => {
                json!({"event": "notification-card", "id": id.0, "shown": *state == CardState::Shown})
            }
        }
    }
}

fn notification_to_json(notification: &WebNotification, source: NotificationSource) -> Value {
    let content = &notification.content;
    let actions = content
        .actions
        .iter()
        .map(|action| json!({"action": action.name, "title": action.title}));
    json!({
        "event": "notification", "id": notification.id.0, "origin": notification.origin,
        "scope": notification.scope, "title": content.title, "body": content.body, "tag": content.tag,
        "actions": actions.collect::<Vec<_>>(), "replaces": notification.replaces.map(|id| id.0),
        "renotify": notification.renotify, "kept": source == NotificationSource::EarlierRun,
    })
}
