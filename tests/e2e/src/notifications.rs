//! What tests of notifications do and wait for.

use serde_json::Value;

use crate::{Kiosk, Site};

/// Grants the permission of an origin.
pub fn grant(kiosk: &mut Kiosk, site: &Site) {
    kiosk.command(&format!(
        "permission notifications granted {}",
        site.server.url("/")
    ));
}

/// Opens the page of an origin that may show notifications.
pub fn open_with_permission(site: &Site) -> Kiosk {
    let mut kiosk = site.open();
    grant(&mut kiosk, site);
    kiosk
}

/// Waits until it is shown.
pub fn wait_for_notification(kiosk: &mut Kiosk, title: &str) -> Value {
    kiosk.wait_for(&format!("the notification {title:?}"), |event| {
        event["event"] == "notification" && event["title"] == title
    })
}

/// Waits until this one has gone.
pub fn wait_until_closed(kiosk: &mut Kiosk, notification: &Value) {
    kiosk.wait_for("the notification to go", |event| {
        event["event"] == "notification-closed" && event["id"] == notification["id"]
    });
}

/// The titles of what the page's registration has shown.
///
/// # Panics
/// If they can't be listed.
pub fn titles(kiosk: &mut Kiosk, filter: &str) -> Value {
    kiosk
        .settle(&format!(
            "registration.getNotifications({filter}).then((all) => all.map((it) => it.title))"
        ))
        .expect("a list")
}

/// Has the page's registration show one.
///
/// # Errors
/// The name of what it is refused with.
pub fn show(kiosk: &mut Kiosk, arguments: &str) -> Result<Value, String> {
    kiosk.settle(&format!("registration.showNotification({arguments})"))
}

/// Waits until one has gone; returns its id.
pub fn wait_for_any_closed(kiosk: &mut Kiosk) -> Value {
    kiosk.wait_for("a notification to go", |event| {
        event["event"] == "notification-closed"
    })["id"]
        .clone()
}
