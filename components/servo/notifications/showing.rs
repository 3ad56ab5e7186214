/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Notifications on their way to the embedder.
//!
//! <https://notifications.spec.whatwg.org/#notification-show-steps>

use embedder_traits::service_workers::{NotShown, NotificationPermission, PageNotificationEvent};
use embedder_traits::{Notification, NotificationAction};
use notification_store::{
    Content, MAX_TEXT_BYTES, MAX_URL_BYTES, Notification as StoredNotification, NotificationId,
};
use servo_base::generic_channel::GenericCallback;
use servo_url::{ImmutableOrigin, ServoUrl};

use super::{NotificationManager, OfPage, WebNotification, send};
use crate::ServoDelegate;

/// So many notifications of an origin's pages are shown at a time. One more closes the oldest.
const MAX_NOTIFICATIONS_OF_PAGES: usize = 32;

impl NotificationManager {
    /// <https://notifications.spec.whatwg.org/#dom-serviceworkerregistration-shownotification>, step 6.
    pub(super) fn show_persistent(
        &self,
        scope_url: &ServoUrl,
        content: Content,
        answer: GenericCallback<Result<(), NotShown>>,
        delegate: &dyn ServoDelegate,
    ) {
        let origin = scope_url.origin();
        // Step 6.1.
        if self.permission(&origin) != NotificationPermission::Granted {
            return send(&answer, Err(NotShown::NotPermitted));
        }
        // Step 6.2.
        let origin = origin.ascii_serialization();
        let tag = content.tag.clone();
        let shown = self
            .list
            .borrow_mut()
            .show(&origin, scope_url.as_str(), content);
        let shown = match shown {
            Ok(shown) => shown,
            Err(why) => return send(&answer, Err(NotShown::TooLong(why))),
        };
        let replaced = shown.replaced.or(self.replace_of_page(&origin, &tag));
        for dropped in shown.dropped {
            delegate.close_web_notification(dropped);
        }
        let notification = self.list.borrow().get(shown.id).cloned();
        if let Some(notification) = notification {
            delegate.show_web_notification(web_notification(&notification, replaced));
        }
        self.keep(Some(answer));
    }

    /// <https://notifications.spec.whatwg.org/#dom-notification-notification>, step 5.
    pub(super) fn show_of_page(
        &self,
        origin: &ImmutableOrigin,
        content: Notification,
        renotify: bool,
        events: GenericCallback<PageNotificationEvent>,
        delegate: &dyn ServoDelegate,
    ) {
        if self.permission(origin) != NotificationPermission::Granted || is_too_long(&content) {
            return send(&events, PageNotificationEvent::Refused);
        }
        let origin = origin.ascii_serialization().into_owned();
        let id = self.list.borrow_mut().next_id();
        let tag = content.tag.clone();
        let mut replaces = self.replace_of_page(&origin, &tag);
        let same_tag = |it: &StoredNotification| {
            !tag.is_empty() && it.origin == origin && it.content.tag == tag
        };
        if let Some(replaced) = self.list.borrow_mut().remove_if(same_tag).pop() {
            replaces = Some(replaced);
        }
        let of_page = OfPage {
            origin: origin.clone(),
            tag,
            events,
        };
        self.make_room(&origin, delegate);
        of_page.tell(PageNotificationEvent::Shown(id));
        self.of_pages.borrow_mut().insert(id, of_page);
        delegate.show_web_notification(WebNotification {
            id,
            origin,
            scope: None,
            replaces,
            renotify,
            content,
        });
    }

    /// For one more of a page of `origin`.
    fn make_room(&self, origin: &str, delegate: &dyn ServoDelegate) {
        let mut of_pages = self.of_pages.borrow_mut();
        let of_origin = || of_pages.iter().filter(|(_, it)| it.origin == origin);
        if of_origin().count() < MAX_NOTIFICATIONS_OF_PAGES {
            return;
        }
        let oldest = of_origin().map(|(id, _)| *id).next();
        let removed = oldest.and_then(|id| of_pages.remove_entry(&id));
        drop(of_pages);
        if let Some((id, oldest)) = removed {
            oldest.tell(PageNotificationEvent::Closed);
            delegate.close_web_notification(id);
        }
    }

    /// A notification of a page gives way to one with the same tag.
    fn replace_of_page(&self, origin: &str, tag: &str) -> Option<NotificationId> {
        if tag.is_empty() {
            return None;
        }
        let mut of_pages = self.of_pages.borrow_mut();
        let id = of_pages
            .iter()
            .find(|(_, it)| it.origin == origin && it.tag == tag)
            .map(|(id, _)| *id)?;
        let replaced = of_pages.remove(&id)?;
        replaced.tell(PageNotificationEvent::Closed);
        Some(id)
    }
}

/// The limits of those that are kept are those of pages, too: whoever shows them may make more of each than they weigh.
fn is_too_long(content: &Notification) -> bool {
    let texts = [
        &content.title,
        &content.body,
        &content.tag,
        &content.language,
    ];
    let actions = content.actions.iter();
    let of_actions = actions.map(|action| action.name.len() + action.title.len());
    let text_bytes = texts.map(String::len).iter().sum::<usize>() + of_actions.sum::<usize>();
    let urls = [&content.icon_url, &content.badge_url, &content.image_url];
    let urls = urls
        .into_iter()
        .chain(content.actions.iter().map(|action| &action.icon_url));
    let url_bytes: usize = urls.flatten().map(|url| url.as_str().len()).sum();
    text_bytes > MAX_TEXT_BYTES || url_bytes > MAX_URL_BYTES
}

/// A notification that is kept, as embedders see it.
pub(super) fn web_notification(
    stored: &StoredNotification,
    replaces: Option<NotificationId>,
) -> WebNotification {
    let content = &stored.content;
    let url = |url: &Option<String>| url.as_deref().and_then(|url| ServoUrl::parse(url).ok());
    WebNotification {
        id: stored.id,
        origin: stored.origin.clone(),
        scope: Some(stored.scope.clone()),
        replaces,
        renotify: content.renotify,
        content: Notification {
            title: content.title.clone(),
            body: content.body.clone(),
            tag: content.tag.clone(),
            language: content.language.clone(),
            require_interaction: content.require_interaction,
            silent: content.silent,
            icon_url: url(&content.icon),
            icon_resource: None,
            badge_url: url(&content.badge),
            badge_resource: None,
            image_url: url(&content.image),
            image_resource: None,
            actions: content
                .actions
                .iter()
                .map(|action| NotificationAction {
                    name: action.name.clone(),
                    title: action.title.clone(),
                    icon_url: url(&action.icon),
                    icon_resource: None,
                })
                .collect(),
        },
    }
}
