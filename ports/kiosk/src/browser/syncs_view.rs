//! The view that shows `kiosk:syncs` over the page. The engine does not know the address: its content is nothing but what the
//! kiosk answers this one view, which no page has a handle to. So no page reaches it, whatever it tries.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use euclid::Scale;
use servo::{
    InputEvent, InputEventId, InputEventResult, Key, KeyState, LoadStatus, NamedKey,
    NavigationRequest, PermissionRequest, WebResourceLoad, WebResourceResponse, WebView,
    WebViewBuilder, WebViewDelegate,
};
use url::Url;

use super::Browser;
use super::delegate::State;
use super::surface::Surface;
use crate::event::{Event, SyncsPageNews};
use crate::syncs_page::{SCHEME, address};

/// Loads that wait for an answer. The engine asks for one at a time.
const MAX_ASKED: usize = 8;

/// A page of the kiosk's own that the view wants.
pub struct Asked {
    /// Its address.
    pub url: Url,
    load: WebResourceLoad,
}

impl Asked {
    /// Shows this document, under the page's own address: a reload does nothing twice.
    pub fn answer(self, headers: &[(&'static str, &'static str)], document: String) {
        let mut response = WebResourceResponse::new(address());
        for &(name, value) in headers {
            let value = value.parse().expect("a valid header");
            response.headers.insert(name, value);
        }
        let mut load = self.load.intercept(response);
        load.send_body_data(document.into_bytes());
        load.finish();
    }
}

/// The view, while it is shown.
pub struct SyncsView {
    webview: WebView,
    delegate: Rc<SyncsDelegate>,
    page_was_focused: bool,
}

struct SyncsDelegate {
    surface: Rc<dyn Surface>,
    state: Rc<State>,
    asked: RefCell<VecDeque<Asked>>,
}

impl WebViewDelegate for SyncsDelegate {
    fn notify_new_frame_ready(&self, webview: WebView) {
        self.surface.frame_ready(&webview);
    }

    fn notify_load_status_changed(&self, _: WebView, status: LoadStatus) {
        if status == LoadStatus::Complete {
            self.state.push(Event::SyncsPage(SyncsPageNews::Loaded));
        }
    }

    fn notify_input_event_handled(
        &self,
        webview: WebView,
        id: InputEventId,
        result: InputEventResult,
    ) {
        self.state.notify_input_event_handled(webview, id, result);
    }

    fn notify_crashed(&self, _: WebView, _: String, _: Option<String>) {
        self.state.push(Event::SyncsPage(SyncsPageNews::Crashed));
    }

    /// It shows the kiosk's own pages and no others.
    fn request_navigation(&self, _: WebView, request: NavigationRequest) {
        match request.url.scheme() {
            SCHEME => request.allow(),
            _ => request.deny(),
        }
    }

    fn request_permission(&self, _: WebView, request: PermissionRequest) {
        request.deny();
    }

    fn load_web_resource(&self, _: WebView, load: WebResourceLoad) {
        let url = load.request.url.clone();
        let mut asked = self.asked.borrow_mut();
        match url.scheme() {
            SCHEME if load.request.is_for_main_frame && asked.len() < MAX_ASKED => {
                asked.push_back(Asked { url, load });
            }
            // The pictures that are part of the document.
            "data" => {}
            _ => load.intercept(WebResourceResponse::new(url)).cancel(),
        }
    }
}

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
        let delegate = Rc::new(SyncsDelegate {
            surface: surface.clone(),
            state: self.state.clone(),
            asked: RefCell::default(),
        });
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
        self.syncs.as_ref()?.delegate.asked.borrow_mut().pop_front()
    }

    /// Width of the window in CSS pixels.
    pub fn syncs_width_px(&self) -> u32 {
        let view = self.syncs.as_ref().map(|view| &view.webview);
        view.map_or(0, |view| {
            let scale = view.device_pixels_per_css_pixel().get();
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
