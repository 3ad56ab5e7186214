/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What pages and service workers ask of the embedder that is not bound to a web view, since there may be none:
//! notifications, and windows that a click on one of them opens.

use notification_store::{Content, Notification as StoredNotification, NotificationId, TooLong};
use serde::{Deserialize, Serialize};
use servo_base::generic_channel::{GenericCallback, GenericSender};
use servo_base::id::WebViewId;
use servo_url::{ImmutableOrigin, ServoUrl};

/// One question or order. The origin is what the process says it is.
#[derive(Debug, Deserialize, Serialize)]
pub enum ServiceWorkerRequest {
    /// <https://notifications.spec.whatwg.org/#dom-serviceworkerregistration-shownotification>, from step 6 on.
    ShowPersistentNotification {
        /// Of the service worker registration.
        scope_url: ServoUrl,
        /// What it says.
        content: Box<Content>,
        /// It is shown and stored, or why it is not.
        answer: GenericCallback<Result<(), NotShown>>,
    },
    /// <https://notifications.spec.whatwg.org/#dom-notification-notification>, from step 5 on.
    ShowNotificationOfPage {
        /// Of the page.
        origin: ImmutableOrigin,
        /// What it says, with its pictures.
        content: Box<crate::Notification>,
        /// Whether a person is alerted again when it replaces another one.
        renotify: bool,
        /// What becomes of it.
        events: GenericCallback<PageNotificationEvent>,
    },
    /// <https://notifications.spec.whatwg.org/#dom-serviceworkerregistration-getnotifications>
    ListNotifications {
        /// Of the service worker registration.
        scope_url: ServoUrl,
        /// An empty one stands for all.
        tag: String,
        /// In the order in which they were shown.
        answer: GenericCallback<Vec<StoredNotification>>,
    },
    /// <https://notifications.spec.whatwg.org/#dom-notification-close>
    CloseNotification {
        /// Of the notification.
        origin: ImmutableOrigin,
        /// Which one.
        id: NotificationId,
    },
    /// A service worker registration is gone, and its notifications with it.
    ForgetNotifications(ServoUrl),
    /// <https://notifications.spec.whatwg.org/#get-the-notifications-permission-state>
    NotificationPermission {
        /// Who asks.
        origin: ImmutableOrigin,
        /// Comes from the embedder's thread, without asking anybody.
        answer: GenericSender<NotificationPermission>,
    },
    /// <https://notifications.spec.whatwg.org/#dom-notification-requestpermission>
    RequestNotificationPermission {
        /// Who asks.
        origin: ImmutableOrigin,
        /// Comes when the embedder has decided.
        answer: GenericCallback<NotificationPermission>,
    },
    /// <https://w3c.github.io/ServiceWorker/#clients-openwindow>
    OpenWindow {
        /// Of the service worker.
        origin: ImmutableOrigin,
        /// What to show.
        url: ServoUrl,
        /// Where it is shown. `None` if the embedder opens no window.
        answer: GenericCallback<Option<WebViewId>>,
    },
    /// <https://w3c.github.io/ServiceWorker/#client-focus>
    FocusWindow {
        /// Of the client.
        webview_id: WebViewId,
        /// Whether it has the focus now.
        answer: GenericCallback<bool>,
    },
}

/// Whether an origin may show notifications.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum NotificationPermission {
    /// It may.
    Granted,
    /// It may not.
    Denied,
    /// Nobody has decided.
    Default,
}

/// Why a notification is not shown.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum NotShown {
    /// The origin may not show any.
    NotPermitted,
    /// It can't be kept.
    TooLong(TooLong),
}

/// What becomes of a notification of a page.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum PageNotificationEvent {
    /// It is shown, under this name.
    Shown(NotificationId),
    /// It is not shown: the page may not.
    Refused,
    /// A person has clicked it.
    Clicked,
    /// It is gone.
    Closed,
}

/// A person has done something with a notification of a service worker.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NotificationEventToFire {
    /// Which notification.
    pub notification: StoredNotification,
    /// What was done.
    pub kind: NotificationEventKind,
}

/// The events of a notification.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum NotificationEventKind {
    /// `notificationclick`, with the name of the action; empty if it was the notification itself.
    Click {
        /// Of the action.
        action: String,
    },
    /// `notificationclose`.
    Close,
}
