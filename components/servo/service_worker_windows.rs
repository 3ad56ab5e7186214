/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Windows that service workers ask the embedder for, after a click on one of their notifications.
//!
//! <https://w3c.github.io/ServiceWorker/#clients-openwindow>

use std::fmt;

use embedder_traits::service_workers::ServiceWorkerRequest;
use log::debug;
use servo_base::generic_channel::GenericCallback;
use servo_base::id::WebViewId;
use servo_url::{ImmutableOrigin, ServoUrl};
use url::Url;

use crate::webview::WebView;
use crate::{BackgroundSyncManager, ServoDelegate};

/// A service worker wants a page to be shown in a window. Dropped without an answer, the request is refused.
pub struct WindowRequest {
    origin: ImmutableOrigin,
    url: ServoUrl,
    answer: Option<GenericCallback<Option<WebViewId>>>,
}

impl WindowRequest {
    /// Who asks: the serialization of the worker's origin, like `https://app.example`.
    pub fn origin(&self) -> String {
        self.origin.ascii_serialization().into_owned()
    }

    /// What is to be shown; it may be another origin's.
    pub fn url(&self) -> &Url {
        self.url.as_url()
    }

    /// The page is being loaded in this web view, which may have shown another one before.
    pub fn opened(mut self, webview: &WebView) {
        self.answer(Some(webview.id()));
    }

    fn answer(&mut self, webview_id: Option<WebViewId>) {
        if let Some(answer) = self.answer.take()
            && answer.send(webview_id).is_err()
        {
            debug!("The worker that asked for a window is gone.");
        }
    }
}

impl Drop for WindowRequest {
    fn drop(&mut self) {
        self.answer(None);
    }
}

impl fmt::Debug for WindowRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WindowRequest")
            .field("origin", &self.origin())
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

impl BackgroundSyncManager {
    /// What a page or worker asks of the embedder.
    pub(crate) fn handle_request(
        &self,
        request: ServiceWorkerRequest,
        delegate: &dyn ServoDelegate,
        webview: impl FnOnce(WebViewId) -> Option<WebView>,
    ) {
        match request {
            ServiceWorkerRequest::OpenWindow {
                origin,
                url,
                answer,
            } => delegate.request_window(WindowRequest {
                origin,
                url,
                answer: Some(answer),
            }),
            ServiceWorkerRequest::FocusWindow { webview_id, answer } => {
                let has_focus = webview(webview_id).is_some_and(|it| delegate.focus_window(it));
                if answer.send(has_focus).is_err() {
                    debug!("The worker that asked for the focus is gone.");
                }
            }
            request => self.notifications().handle(request, delegate),
        }
    }
}
