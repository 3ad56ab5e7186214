/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Notifications as embedders see them.
//!
//! Pages and service workers show notifications; the embedder puts them where its user looks
//! ([`ServoDelegate::show_web_notification`]) and says what a person does with them
//! ([`NotificationManager::click`], [`NotificationManager::close`]). Those of service workers are kept in the profile, and
//! a click on one starts its worker, also after a restart and without a page. Needs the preferences
//! `dom_notification_enabled` and `dom_background_sync_enabled`: who may show notifications is said as for syncs, by
//! [`BackgroundSyncManager::set_permission`](crate::BackgroundSyncManager::set_permission).
//!
//! <https://notifications.spec.whatwg.org/>

#[cfg(not(feature = "offline"))]
compile_error!(
    "`servo` without its default features needs the feature `offline`: the patches of that group are applied"
);

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use background_sync::{Permission, PermissionName};
use embedder_traits::Notification;
use embedder_traits::service_workers::{
    NotShown, NotificationEventKind, NotificationEventToFire, NotificationPermission,
    PageNotificationEvent, ServiceWorkerRequest,
};
use log::{debug, warn};
pub use notification_store::NotificationId;
use notification_store::{Notification as StoredNotification, NotificationList};
use servo_base::generic_channel::GenericCallback;
use servo_constellation_traits::{
    BackgroundSyncToConstellationMessage, EmbedderNews, EmbedderToConstellationMessage,
};
use servo_url::{ImmutableOrigin, ServoUrl};

use self::keeper::Keeper;
use self::showing::web_notification;
use crate::background_sync::Permissions;
use crate::proxies::ConstellationProxy;
use crate::{Servo, ServoDelegate};

mod keeper;
mod showing;

/// A notification to show.
#[derive(Clone, Debug)]
pub struct WebNotification {
    /// Names it, in this run; and in later ones, if it is kept.
    pub id: NotificationId,
    /// Who shows it: the serialization of an origin, like `https://app.example`.
    pub origin: String,
    /// The scope of the service worker that it belongs to. `None` for a notification of a page, which is not kept.
    pub scope: Option<String>,
    /// The notification whose place it takes.
    pub replaces: Option<NotificationId>,
    /// Whether its user is to be alerted although it takes another one's place.
    pub renotify: bool,
    /// What it says.
    pub content: Notification,
}

/// Why the embedder's news of a notification mean nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum UnknownNotification {
    /// It is gone, or never was.
    NoSuchNotification(NotificationId),
    /// It has no such action.
    NoSuchAction(String),
}

impl std::fmt::Display for UnknownNotification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoSuchNotification(id) => write!(f, "there is no notification {id}"),
            Self::NoSuchAction(action) => write!(f, "the notification has no action `{action}`"),
        }
    }
}

impl std::error::Error for UnknownNotification {}

/// A notification of a page.
struct OfPage {
    origin: String,
    tag: String,
    events: GenericCallback<PageNotificationEvent>,
}

impl OfPage {
    fn tell(&self, event: PageNotificationEvent) {
        if self.events.send(event).is_err() {
            debug!("The page of a notification is gone.");
        }
    }
}

/// The notifications of a running Servo.
pub struct NotificationManager {
    list: RefCell<NotificationList>,
    of_pages: RefCell<BTreeMap<NotificationId, OfPage>>,
    keeper: Keeper,
    permissions: Permissions,
    constellation: ConstellationProxy,
}

impl Servo {
    /// The notifications; `None` unless the preference `dom_background_sync_enabled` was on at the start.
    pub fn notification_manager(&self) -> Option<&NotificationManager> {
        Some(self.background_sync_manager()?.notifications())
    }
}

impl NotificationManager {
    /// A person has clicked a notification, or the button of one of its actions. It stays until it is closed, by the
    /// embedder or by its worker.
    ///
    /// # Errors
    /// [`UnknownNotification`] if there is no such notification or action.
    pub fn click(
        &self,
        id: NotificationId,
        action: Option<&str>,
    ) -> Result<(), UnknownNotification> {
        if let Some(of_page) = self.of_pages.borrow().get(&id) {
            // https://notifications.spec.whatwg.org/#dom-notification-notification, step 2: they have none.
            if let Some(action) = action {
                return Err(UnknownNotification::NoSuchAction(action.to_owned()));
            }
            of_page.tell(PageNotificationEvent::Clicked);
            return Ok(());
        }
        let notification = self.list.borrow().get(id).cloned();
        let notification = notification.ok_or(UnknownNotification::NoSuchNotification(id))?;
        let action = action.unwrap_or_default().to_owned();
        let mut actions = notification.content.actions.iter();
        if !action.is_empty() && !actions.any(|it| it.name == action) {
            return Err(UnknownNotification::NoSuchAction(action));
        }
        self.fire(notification, NotificationEventKind::Click { action });
        Ok(())
    }

    /// A person has closed a notification.
    ///
    /// # Errors
    /// [`UnknownNotification`] if there is no such notification.
    pub fn close(&self, id: NotificationId) -> Result<(), UnknownNotification> {
        if let Some(of_page) = self.of_pages.borrow_mut().remove(&id) {
            of_page.tell(PageNotificationEvent::Closed);
            return Ok(());
        }
        let removed = self.list.borrow_mut().remove(id);
        let notification = removed.ok_or(UnknownNotification::NoSuchNotification(id))?;
        self.keep(None);
        self.fire(notification, NotificationEventKind::Close);
        Ok(())
    }

    /// Those that are kept, the oldest first; after a start, those of the runs before.
    pub fn kept(&self) -> Vec<WebNotification> {
        let list = self.list.borrow();
        list.iter()
            .map(|notification| web_notification(notification, None))
            .collect()
    }

    /// Removes the notifications that service workers of sites (eTLD+1) have shown, durably. Returns which, to be shown
    /// no more.
    pub fn clear_for_sites(&self, sites: &[&str]) -> Vec<NotificationId> {
        let is_of_site = |it: &StoredNotification| {
            let url = ServoUrl::parse(&it.scope);
            let host = url.as_ref().ok().and_then(|url| url.host_str());
            let host = host.unwrap_or_default();
            sites.iter().any(|site| {
                host == *site
                    || host
                        .strip_suffix(site)
                        .is_some_and(|rest| rest.ends_with('.'))
            })
        };
        let removed = self.list.borrow_mut().remove_if(is_of_site);
        self.keep(None);
        removed
    }

    /// Those of an earlier run are read from a folder of this one, and kept there. Without one, they are kept in memory.
    pub(crate) fn start(
        directory: Option<&Path>,
        permissions: Permissions,
        constellation: ConstellationProxy,
    ) -> Self {
        let (keeper, list) = Keeper::start(directory);
        Self {
            list: RefCell::new(list),
            of_pages: RefCell::default(),
            keeper,
            permissions,
            constellation,
        }
    }

    /// Ends once everything is kept.
    pub(crate) fn shutdown(&self) {
        self.keeper.shutdown();
    }

    pub(crate) fn handle(&self, request: ServiceWorkerRequest, delegate: &dyn ServoDelegate) {
        match request {
            ServiceWorkerRequest::ShowPersistentNotification {
                scope_url,
                content,
                answer,
            } => self.show_persistent(&scope_url, *content, answer, delegate),
            ServiceWorkerRequest::ShowNotificationOfPage {
                origin,
                content,
                renotify,
                events,
            } => self.show_of_page(&origin, *content, renotify, events, delegate),
            ServiceWorkerRequest::ListNotifications {
                scope_url,
                tag,
                answer,
            } => {
                let list = self.list.borrow();
                let matching = list.of_registration(scope_url.as_str(), &tag);
                send(&answer, matching.cloned().collect());
            }
            ServiceWorkerRequest::CloseNotification { origin, id } => {
                self.close_for_script(&origin, id, delegate);
            }
            ServiceWorkerRequest::ForgetNotifications(scope_url) => {
                let is_of_scope = |it: &StoredNotification| it.scope == scope_url.as_str();
                self.remove_if(is_of_scope, delegate);
            }
            ServiceWorkerRequest::NotificationPermission { origin, answer } => {
                if answer.send(self.permission(&origin)).is_err() {
                    debug!("Who asked for a permission is gone.");
                }
            }
            ServiceWorkerRequest::RequestNotificationPermission { origin, answer } => {
                self.request_permission(origin, answer, delegate);
            }
            // Not about notifications.
            ServiceWorkerRequest::OpenWindow { .. } | ServiceWorkerRequest::FocusWindow { .. } => {}
        }
    }

    /// The embedder has decided that an origin may not show notifications.
    pub(crate) fn forbid(&self, origin: &str, delegate: &dyn ServoDelegate) {
        self.remove_if(|it| it.origin == origin, delegate);
    }

    fn permission(&self, origin: &ImmutableOrigin) -> NotificationPermission {
        let decided = self
            .permissions
            .decided(&origin.ascii_serialization(), PermissionName::Notifications);
        match decided {
            Some(Permission::Granted) => NotificationPermission::Granted,
            Some(Permission::Denied) => NotificationPermission::Denied,
            None => NotificationPermission::Default,
        }
    }

    /// <https://notifications.spec.whatwg.org/#dom-notification-requestpermission>, step 3.1.
    fn request_permission(
        &self,
        origin: ImmutableOrigin,
        answer: GenericCallback<NotificationPermission>,
        delegate: &dyn ServoDelegate,
    ) {
        let constellation = self.constellation.clone();
        let serialized = origin.ascii_serialization().into_owned();
        let decided = move |permission| {
            send(
                &answer,
                match permission {
                    Permission::Granted => NotificationPermission::Granted,
                    Permission::Denied => NotificationPermission::Denied,
                },
            );
            let news =
                EmbedderNews::SyncPermission(origin, PermissionName::Notifications, permission);
            constellation.send(EmbedderToConstellationMessage::BackgroundSync(
                BackgroundSyncToConstellationMessage::PermissionChanged(news),
            ));
        };
        let request = self.permissions.when_decided(
            &serialized,
            PermissionName::Notifications,
            Box::new(decided),
        );
        if let Some(request) = request {
            delegate.request_background_sync_permission(request);
        }
    }

    /// <https://notifications.spec.whatwg.org/#close-steps>, for a script of the notification's origin.
    fn close_for_script(
        &self,
        origin: &ImmutableOrigin,
        id: NotificationId,
        delegate: &dyn ServoDelegate,
    ) {
        let origin = origin.ascii_serialization();
        let is_of_origin = self
            .of_pages
            .borrow()
            .get(&id)
            .is_some_and(|it| it.origin == origin);
        if is_of_origin {
            if let Some(of_page) = self.of_pages.borrow_mut().remove(&id) {
                of_page.tell(PageNotificationEvent::Closed);
            }
            return delegate.close_web_notification(id);
        }
        self.remove_if(|it| it.id == id && it.origin == origin, delegate);
    }

    fn remove_if(
        &self,
        goes: impl FnMut(&StoredNotification) -> bool,
        delegate: &dyn ServoDelegate,
    ) {
        let removed = self.list.borrow_mut().remove_if(goes);
        if removed.is_empty() {
            return;
        }
        for id in removed {
            delegate.close_web_notification(id);
        }
        self.keep(None);
    }

    /// The list has changed.
    fn keep(&self, answer: Option<GenericCallback<Result<(), NotShown>>>) {
        self.keeper.keep(&self.list.borrow(), answer);
    }

    /// Has the worker of a notification told of it.
    fn fire(&self, notification: StoredNotification, kind: NotificationEventKind) {
        let Ok(scope_url) = ServoUrl::parse(&notification.scope) else {
            return warn!("A notification has a scope that is no URL.");
        };
        let event = Box::new(NotificationEventToFire { notification, kind });
        self.constellation
            .send(EmbedderToConstellationMessage::BackgroundSync(
                BackgroundSyncToConstellationMessage::NotificationEvent(scope_url, event),
            ));
    }
}

fn send<T: serde::Serialize + serde::de::DeserializeOwned + Send + 'static>(
    callback: &GenericCallback<T>,
    answer: T,
) {
    if callback.send(answer).is_err() {
        debug!("Nobody waits for the embedder's answer any more.");
    }
}
