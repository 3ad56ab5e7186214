use servo::notifications::{NotificationId, WebNotification};

/// What the desktop's service has done.
#[derive(Debug)]
pub enum DesktopNews {
    /// It shows a notification.
    Shown(NotificationId),
    /// It does not, for this reason.
    NotShown(Box<WebNotification>, String),
    /// A person has clicked a notification, or the named action of it.
    Clicked(NotificationId, Option<String>),
    /// A person has taken a notification away.
    Dismissed(NotificationId),
}
