//! The page's web view, made anew: after a crash, and for the next visitor.

use servo::{StorageType, WebView, WebViewBuilder};
use url::Url;

use super::Browser;
use super::error_page;
use super::page_rules::{AllowedPages, OwnPage};
use super::surface::Surface;
use crate::event::Event;
use crate::unattended_event::UnattendedEvent;
use euclid::Scale;
use std::rc::Rc;
use std::time::Instant;

/// What is shown in place of a page, if it is not the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The page could not be loaded; its address is that of the window.
    NotLoaded,
    /// A page of the kiosk's own is shown.
    OwnPage,
}

impl Browser {
    /// Pages are restricted from now on.
    pub fn restrict_pages(&self, allowed: AllowedPages) {
        self.state.page_rules().restrict(allowed);
    }

    /// Whether this page may be shown.
    pub fn allows_page(&self, url: &Url) -> bool {
        self.state.page_rules().allow(url)
    }

    /// A person, or a program in their place, has done something.
    pub fn note_input(&self) {
        self.state.last_input().set(Some(Instant::now()));
    }

    /// When a person has done something for the last time, since the last visit has ended.
    pub fn last_input(&self) -> Option<Instant> {
        self.state.last_input().get()
    }

    /// A web view for the page. It has no history, and what pages keep for a tab is not there.
    pub(super) fn build_page(&self, url: Url, surface: &Rc<dyn Surface>) -> WebView {
        let page = WebViewBuilder::new(&self.servo, surface.rendering_context())
            .url(url)
            .hidpi_scale_factor(Scale::new(surface.scale()))
            .user_content_manager(self.user_content.clone())
            .delegate(self.state.clone())
            .build();
        self.follow_color_scheme(&page);
        if let Some(zoom) = self.zoom {
            page.set_page_zoom(zoom.factor());
        }
        page
    }

    /// Shows a page in a web view of its own, in the same window. The page before it is gone, with its windows.
    pub fn renew_page(&mut self, url: Url) {
        let (Some(page), Some(surface)) = (self.page.take(), self.surface.clone()) else {
            return;
        };
        let is_focused = page.focused();
        self.missed_page = None;
        self.state.clear_pages();
        drop(page);
        let page = self.build_page(url, &surface);
        page.set_focused(is_focused);
        self.page = Some(page);
    }

    /// Shows a page of the kiosk's own, until this one is tried again.
    pub fn show_instead(&mut self, own: OwnPage, url: Url) {
        self.state.page_rules().replace_next(own);
        self.renew_page(url.clone());
        self.note_missed_page(&url);
    }

    /// What the window shows in place of a page.
    pub fn trouble(&self) -> Option<Trouble> {
        let page = self.page.as_ref()?;
        let address = page.url();
        let is_at = |own: OwnPage| {
            let address = address.as_ref().map(Url::as_str);
            address == Some(own.address())
        };
        match () {
            () if OwnPage::ALL.into_iter().any(is_at) => Some(Trouble::OwnPage),
            () if page.page_title().as_deref() == Some(error_page::TITLE) => {
                Some(Trouble::NotLoaded)
            }
            _ => None,
        }
    }

    /// Loads again what could not be shown, if the window still shows that. Returns what it asks for.
    pub fn try_again(&mut self) -> Option<Url> {
        let trouble = self.trouble();
        let (Some(page), Some(trouble)) = (&self.page, trouble) else {
            return None;
        };
        match (trouble, self.missed_page.take()) {
            (_, Some(missed)) => {
                page.load(missed.clone());
                Some(missed)
            }
            // Not with the data of a form: the first time, they may have arrived.
            (Trouble::NotLoaded, None) => {
                page.reload();
                page.url()
            }
            (Trouble::OwnPage, None) => None,
        }
    }

    /// Looks whether the engine shows its own page about a load that has failed, and shows the kiosk's in its place. It comes
    /// as an event.
    pub fn look_for_error_page(&self, start: &Url) {
        let Some(page) = &self.page else {
            return;
        };
        let title = page.page_title();
        if !title.is_some_and(|title| error_page::ENGINE_TITLES.contains(&title.as_str())) {
            return;
        }
        let (state, looked_at) = (self.state.clone(), page.clone());
        error_page::cover(page, start, move |reason| {
            if let Some(url) = looked_at.url() {
                state.push(Event::Unattended(UnattendedEvent::LoadFailed {
                    url,
                    reason,
                }));
            }
        });
    }

    /// The visitor has left: the start page returns, and what the visitor left in the window, in `sessionStorage` and in
    /// cookies of the session is gone. What is stored for longer stays, and so does what waits to be sent.
    pub fn end_visit(&mut self, start: Url) {
        self.hide_syncs();
        self.state.last_input().set(None);
        // The old page goes first, so that it leaves nothing behind after that.
        let old = self.page.take();
        let is_focused = old.as_ref().is_some_and(WebView::focused);
        self.state.clear_pages();
        drop(old);
        let data = self.servo.site_data_manager();
        let sites = data.site_data(StorageType::Session);
        let names: Vec<String> = sites.iter().map(servo::SiteData::name).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        data.clear_site_data(&names, StorageType::Session);
        data.clear_session_cookies(None);
        self.missed_page = None;
        if let Some(surface) = self.surface.take() {
            let surface = surface.for_next_visitor().unwrap_or(surface);
            self.state.set_surface(Some(surface.clone()));
            self.surface = Some(surface.clone());
            let page = self.build_page(start, &surface);
            page.set_focused(is_focused);
            self.page = Some(page);
        }
        self.push_event(Event::Unattended(UnattendedEvent::VisitEnded));
    }
}
