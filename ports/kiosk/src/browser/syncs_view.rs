//! `kiosk:syncs` over the page: shown, drawn, closed.

use std::rc::Rc;

use euclid::Scale;
use servo::{InputEvent, Key, KeyState, NamedKey, WebView, WebViewBuilder};

use super::Browser;
use super::own_view::{Asked, SyncsDelegate, SyncsView};
use crate::event::{Event, SyncsPageNews};
use crate::syncs_page::address;

impl Browser {
    /// Shows the page over the app's, or loads it again.
    ///
    /// # Errors
    /// If no window is open.
    pub fn show_syncs(&mut self) -> Result<(), String> {
        if let Some(view) = &self.syncs {
            view.webview.load(address());
            return Ok(());
        }
        let (Some(page), Some(surface)) = (&self.page, &self.surface) else {
            return Err("no window is open; `open` opens one".to_owned());
        };
        let delegate = Rc::new(SyncsDelegate::new(surface.clone(), self.state.clone()));
        let webview = WebViewBuilder::new(&self.servo, surface.rendering_context())
            .url(address())
            .hidpi_scale_factor(Scale::new(surface.scale()))
            .delegate(delegate.clone())
            .build();
        self.follow_color_scheme(&webview);
        webview.set_page_zoom(page.page_zoom());
        let page_was_focused = page.focused();
        page.set_focused(false);
        webview.set_focused(true);
        self.syncs = Some(SyncsView {
            webview,
            delegate,
            page_was_focused,
        });
        self.keep_syncs_in_front();
        self.push_event(Event::SyncsPage(SyncsPageNews::Shown));
        Ok(())
    }

    /// The app's page is in front again.
    pub fn hide_syncs(&mut self) {
        let Some(view) = self.syncs.take() else {
            return;
        };
        for other in self.page.iter().cloned().chain(self.state.auxiliary()) {
            other.show();
        }
        if let Some(page) = &self.page {
            page.set_focused(view.page_was_focused);
        }
        drop(view);
        self.push_event(Event::SyncsPage(SyncsPageNews::Closed));
    }

    /// Nothing of a page is drawn over it, nor is a window that one opens meanwhile.
    pub fn keep_syncs_in_front(&self) {
        if self.syncs.is_some() {
            for other in self.page.iter().cloned().chain(self.state.auxiliary()) {
                other.hide();
            }
        }
    }

    /// Whether it is shown.
    pub fn shows_syncs(&self) -> bool {
        self.syncs.is_some()
    }

    /// What a person sees: this page if it is shown, else the app's.
    pub fn front(&self) -> Option<&WebView> {
        let syncs = self.syncs.as_ref().map(|view| &view.webview);
        syncs.or(self.page.as_ref())
    }

    /// The oldest load that nobody has answered.
    pub fn next_asked(&self) -> Option<Asked> {
        self.syncs.as_ref()?.delegate.next_asked()
    }

    /// Width of the window in CSS pixels.
    pub fn syncs_width_px(&self) -> u32 {
        let view = self.syncs.as_ref().map(|view| &view.webview);
        view.map_or(0, |view| {
            let scale = view.page_zoom() * view.hidpi_scale_factor().get();
            (view.size().width / scale) as u32
        })
    }

    /// Runs the kiosk's own script in it, which brings it up to date.
    pub fn update_syncs(&self, script: &str) {
        if let Some(view) = &self.syncs {
            // If the document is just being replaced, the next one is up to date.
            view.webview.evaluate_javascript(script, |_| {});
        }
    }

    /// A person has pressed or released a key. Whether it is for the kiosk itself: Escape closes the page, and pages get no
    /// part of that.
    pub fn takes_key(&mut self, event: &InputEvent) -> bool {
        let InputEvent::Keyboard(key) = event else {
            return false;
        };
        let is_escape = key.event.key == Key::Named(NamedKey::Escape);
        if !is_escape || !self.shows_syncs() {
            return false;
        }
        if key.event.state == KeyState::Up {
            self.hide_syncs();
        }
        true
    }
}
