//! How loads of pages are answered that are not to be shown.

use servo::{WebResourceLoad, WebResourceResponse, WebView};

use super::delegate::{State, answer_with_page, is_navigation_preload};
use super::page_rules::OwnPage;
use crate::event::Event;
use crate::unattended_event::{Instead, UnattendedEvent, WindowKind};

/// The status of a response to which no window navigates.
const NO_CONTENT: u16 = 204;

impl State {
    /// Answers the load of a page that may not be shown: the page before it stays. Hands back any other load. Frames may
    /// show what they like: their page is answerable for them.
    ///
    /// A page that a service worker has made does not come here: only the window's address tells of it.
    pub(super) fn answer_by_rules(
        &self,
        webview: &WebView,
        load: WebResourceLoad,
    ) -> Option<WebResourceLoad> {
        if !load.request.is_for_main_frame || is_navigation_preload(&load) {
            return Some(load);
        }
        let kind = self.kind_of(webview);
        if kind == WindowKind::Page
            && let Some(page) = self.page_rules().take_replacement()
        {
            answer_with(page, load);
            return None;
        }
        let url = load.request.url.clone();
        if self.page_rules().allow(&url) {
            return Some(load);
        }
        let is_empty = webview
            .url()
            .is_none_or(|shown| shown.as_str() == "about:blank");
        let instead = match (kind, is_empty) {
            (_, false) => Instead::Page,
            (WindowKind::Page, true) => Instead::Notice,
            (WindowKind::Auxiliary, true) => Instead::Nothing,
        };
        match instead {
            Instead::Notice => answer_with(OwnPage::Blocked, load),
            // A page without content is not navigated to. The engine waits for pages whose load was cancelled for ever.
            _ => {
                let response = WebResourceResponse::new(url.clone());
                let no_content = NO_CONTENT.try_into().expect("a status");
                load.intercept(response.status_code(no_content)).finish();
            }
        }
        self.push(Event::Unattended(UnattendedEvent::NavigationBlocked {
            url,
            window: kind,
            instead,
        }));
        if instead == Instead::Nothing {
            self.remove_auxiliary(webview.id());
            self.push(Event::AuxiliaryWindowClosed);
        }
        None
    }
}

fn answer_with(page: OwnPage, load: WebResourceLoad) {
    answer_with_page(load, page.address(), page.text());
}
