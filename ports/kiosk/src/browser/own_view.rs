//! The view that shows `kiosk:syncs`, and what it is answered. The engine does not know the address: its content is nothing but
//! what the kiosk answers this one view, which no page has a handle to. So no page reaches it, whatever it tries.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use servo::{
    InputEventId, InputEventResult, LoadStatus, NavigationRequest, PermissionRequest,
    WebResourceLoad, WebResourceResponse, WebView, WebViewDelegate,
};
use url::Url;

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
    /// What the engine draws.
    pub webview: WebView,
    /// What the engine calls.
    pub delegate: Rc<SyncsDelegate>,
    /// Whether the page below had the keyboard.
    pub page_was_focused: bool,
}

/// What the engine calls.
pub struct SyncsDelegate {
    surface: Rc<dyn Surface>,
    state: Rc<State>,
    asked: RefCell<VecDeque<Asked>>,
}

impl SyncsDelegate {
    /// For a view that is drawn there.
    pub fn new(surface: Rc<dyn Surface>, state: Rc<State>) -> Self {
        Self {
            surface,
            state,
            asked: RefCell::default(),
        }
    }

    /// The oldest load that nobody has answered.
    pub fn next_asked(&self) -> Option<Asked> {
        self.asked.borrow_mut().pop_front()
    }
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
