//! Which pages may be shown, and what is shown in place of one that may not or that has crashed.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use url::Url;

use crate::permissions::OriginUrl;
use crate::syncs_page::SCHEME;

/// A page of the kiosk's own, which is shown in place of another. Its address is one that no network has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnPage {
    /// The start page led to a page that may not be shown.
    Blocked,
    /// The page has crashed.
    Crashed,
    /// The page's server does not answer.
    Unanswered,
}

impl OwnPage {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Blocked, Self::Crashed, Self::Unanswered];

    /// Its address.
    pub fn address(self) -> &'static str {
        match self {
            Self::Blocked => "about:blocked",
            Self::Crashed => "about:crashed",
            Self::Unanswered => "about:unanswered",
        }
    }

    /// Its text.
    pub fn text(self) -> &'static str {
        match self {
            Self::Blocked => include_str!("../../resources/blocked.html"),
            Self::Crashed => include_str!("../../resources/crashed.html"),
            Self::Unanswered => include_str!("../../resources/unanswered.html"),
        }
    }
}

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
        // The kiosk's own pages are in no window of the web's.
        if url.scheme() == SCHEME {
            return false;
        }
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

    /// What is shown in place of this page, which is the next one. Asked once.
    pub fn take_replacement(&self) -> Option<OwnPage> {
        self.next.take()
    }

    /// This is shown in place of the next page.
    pub fn replace_next(&self, page: OwnPage) {
        self.next.set(Some(page));
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
        assert!(!pages.allow(&url("kiosk:syncs")));
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
