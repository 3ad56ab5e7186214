//! Which pages may be shown, and what is shown in place of one that may not or that has crashed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use servo::{WebResourceLoad, WebResourceResponse, WebView};
use url::Url;

use super::delegate::{State, answer_with_page, is_navigation_preload};
use crate::event::{Event, WindowKind};
use crate::permissions::OriginUrl;
use crate::unattended_event::{Instead, UnattendedEvent};

/// A page of the kiosk's own, which is shown in place of another. Its address is one that no network has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnPage {
    /// The start page led to a page that may not be shown.
    Blocked,
    /// The page has crashed.
    Crashed,
}

impl OwnPage {
    /// Its address.
    pub fn address(self) -> &'static str {
        match self {
            Self::Blocked => "about:blocked",
            Self::Crashed => "about:crashed",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Blocked => include_str!("../../resources/blocked.html"),
            Self::Crashed => include_str!("../../resources/crashed.html"),
        }
    }

    fn answer(self, load: WebResourceLoad) {
        answer_with_page(load, self.address(), self.text());
    }
}

/// The status of a response to which no window navigates.
const NO_CONTENT: u16 = 204;

/// The pages that may be shown.
#[derive(Debug)]
pub struct AllowedPages {
    start: Url,
    /// As texts. `None`: all.
    origins: Option<BTreeSet<String>>,
}

impl AllowedPages {
    /// The start page, and pages of its origin and of these. `None`: all pages.
    pub fn new(start: &Url, origins: Option<Vec<OriginUrl>>) -> Self {
        let origins = origins.map(|origins| {
            let others = origins
                .iter()
                .map(|origin| origin.url().origin().ascii_serialization());
            let own = start.origin();
            let own = own.is_tuple().then(|| own.ascii_serialization());
            others.chain(own).collect()
        });
        Self {
            start: start.clone(),
            origins,
        }
    }

    /// Whether this page may be shown.
    pub fn allow(&self, url: &Url) -> bool {
        let Some(origins) = &self.origins else {
            return true;
        };
        match url.scheme() {
            // Those are the kiosk's and the engine's own.
            "about" => true,
            // A page of a file, with the pages beside and below it.
            "file" if self.start.scheme() == "file" => url.path().starts_with(folder(&self.start)),
            _ => *url == self.start || origins.contains(&url.origin().ascii_serialization()),
        }
    }
}

fn folder(file: &Url) -> &str {
    let path = file.path();
    path.rfind('/').map_or(path, |slash| &path[..=slash])
}

/// What is decided about pages.
#[derive(Default)]
pub struct PageRules {
    /// `None` until the start page is known: all pages.
    allowed: RefCell<Option<AllowedPages>>,
    /// What is shown in place of the next page, whatever that is.
    next: Cell<Option<OwnPage>>,
}

impl PageRules {
    /// Pages are restricted from now on.
    pub fn restrict(&self, allowed: AllowedPages) {
        self.allowed.replace(Some(allowed));
    }

    /// Whether this page may be shown.
    pub fn allow(&self, url: &Url) -> bool {
        let allowed = self.allowed.borrow();
        allowed.as_ref().is_none_or(|allowed| allowed.allow(url))
    }

    /// This is shown in place of the next page.
    pub fn replace_next(&self, page: OwnPage) {
        self.next.set(Some(page));
    }
}

impl State {
    /// Answers the load of a page that may not be shown: the page before it stays. Hands back any other load. Frames may
    /// show what they like: their page is answerable for them.
    ///
    /// Two kinds of pages do not come here, so that only the window's address tells of them: those that a service worker has
    /// made, and those that an allowed page redirects to. (In this release of Servo, the load after a redirect has the first
    /// address.)
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
            && let Some(page) = self.page_rules().next.take()
        {
            page.answer(load);
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
            Instead::Notice => OwnPage::Blocked.answer(load),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    fn allowed(start: &str, origins: &[&str]) -> AllowedPages {
        let origins = origins
            .iter()
            .map(|origin| origin.parse().expect("an origin"));
        AllowedPages::new(&url(start), Some(origins.collect()))
    }

    #[test]
    fn without_a_list_all_pages_are_allowed() {
        let pages = AllowedPages::new(&url("https://app.example/"), None);
        assert!(pages.allow(&url("http://elsewhere.example/")));
    }

    #[test]
    fn the_origins_of_the_list_and_of_the_start_page_are_allowed() {
        let pages = allowed("https://app.example/start", &["https://login.example:8443"]);
        for text in [
            "https://app.example/",
            "https://app.example:443/a?b#c",
            "https://login.example:8443/x",
            "blob:https://app.example/1234",
            "about:blank",
        ] {
            assert!(pages.allow(&url(text)), "{text}");
        }
        for text in [
            "http://app.example/",
            "https://login.example/",
            "https://app.example.evil.example/",
            "https://app.example@evil.example/",
            "https://sub.app.example/",
            "blob:https://evil.example/1234",
            "data:text/html,hello",
            "file:///etc/passwd",
            "ftp://app.example/",
        ] {
            assert!(!pages.allow(&url(text)), "{text}");
        }
    }

    #[test]
    fn a_file_has_its_folder() {
        let pages = allowed("file:///srv/app/index.html", &[]);
        assert!(pages.allow(&url("file:///srv/app/pages/next.html")));
        for text in [
            "file:///etc/passwd",
            "file:///srv/app/../x",
            "https://app.example/",
        ] {
            assert!(!pages.allow(&url(text)), "{text}");
        }
        let pages = allowed("data:text/html,start", &[]);
        assert!(pages.allow(&url("data:text/html,start")));
        assert!(!pages.allow(&url("data:text/html,other")));
        assert!(!pages.allow(&url("file:///srv/app/index.html")));
    }
}
