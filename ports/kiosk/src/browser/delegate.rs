//! What the engine calls: collects events for the main loop, and answers loads while the network is cut.

use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::rc::Rc;

use servo::{
    ConsoleLogLevel, CreateNewWebViewRequest, EmbedderControl, InputEventId, InputEventResult,
    LoadStatus, PermissionRequest, SimpleDialog, WebResourceLoad, WebResourceResponse, WebView,
    WebViewDelegate,
};

use url::Url;

use super::surface::Surface;
use crate::event::{ConsoleSource, Event, Network, RefusedLoad};

/// Shared by the browser and the engine's callbacks, all on the main thread.
pub struct State {
    events: RefCell<VecDeque<Event>>,
    network: Cell<Network>,
    surface: RefCell<Option<Rc<dyn Surface>>>,
    /// Windows that the page opened. Kept, because dropping a handle closes its page.
    auxiliary: RefCell<Vec<WebView>>,
    /// Texts and clicks whose input events have not all been handled.
    inputs: RefCell<Vec<PendingInput>>,
}

/// A text or a click on its way through the page.
struct PendingInput {
    ids: HashSet<InputEventId>,
    done: Event,
}

impl State {
    /// Nothing has happened, no window is open.
    pub fn new(network: Network) -> Self {
        Self {
            events: RefCell::default(),
            network: Cell::new(network),
            surface: RefCell::default(),
            auxiliary: RefCell::default(),
            inputs: RefCell::default(),
        }
    }

    /// Adds an event for the main loop.
    pub fn push(&self, event: Event) {
        self.events.borrow_mut().push_back(event);
    }

    /// The oldest event that nobody has taken.
    pub fn next_event(&self) -> Option<Event> {
        self.events.borrow_mut().pop_front()
    }

    /// Whether content reaches the network.
    pub fn network(&self) -> Network {
        self.network.get()
    }

    /// Decides about loads from now on.
    pub fn set_network(&self, network: Network) {
        self.network.set(network);
    }

    /// Where pages are drawn from now on.
    pub fn set_surface(&self, surface: Option<Rc<dyn Surface>>) {
        self.surface.replace(surface);
    }

    /// Closes the windows that the page opened, and forgets input that nobody handles any more.
    pub fn clear_pages(&self) {
        self.auxiliary.take();
        self.inputs.take();
    }

    /// `done` becomes an event once all of these input events have been handled.
    pub fn expect_input(&self, ids: HashSet<InputEventId>, done: Event) {
        if ids.is_empty() {
            return self.push(done);
        }
        self.inputs.borrow_mut().push(PendingInput { ids, done });
    }

    /// Whether the network is cut and this is on it.
    pub fn refuses(&self, url: &Url) -> bool {
        self.network() == Network::Cut && matches!(url.scheme(), "http" | "https" | "ws" | "wss")
    }

    /// Answers a load with a network error if the network is cut; otherwise it goes its way. What is
    /// already under way when the network is cut is not stopped.
    pub fn refuse_if_cut(&self, load: WebResourceLoad) {
        let url = load.request.url.clone();
        if !self.refuses(&url) {
            return;
        }
        let refused = match load.request.is_for_main_frame {
            true => RefusedLoad::Page,
            false => RefusedLoad::Resource,
        };
        match load.request.destination.as_str() {
            "document" | "frame" | "iframe" => answer_with_offline_page(load),
            _ => load
                .intercept(WebResourceResponse::new(url.clone()))
                .cancel(),
        }
        self.push(Event::LoadRefused(refused, url));
    }
}

/// Shows an error page, under an address of its own, so that the app's origin has nothing to do with it. Servo would
/// show one for other network errors, but takes the cancelling of a navigation as the page's own wish: nothing would
/// be shown, and later navigations of the window would wait for the cancelled one.
fn answer_with_offline_page(load: WebResourceLoad) {
    let url = Url::parse("about:offline").expect("a valid URL");
    let mut response = WebResourceResponse::new(url);
    let content_type = "text/html; charset=utf-8".parse().expect("a valid header");
    response.headers.insert("content-type", content_type);
    let mut load = load.intercept(response);
    load.send_body_data(OFFLINE_PAGE.into());
    load.finish();
}

/// Shown in place of a page that can't be loaded.
const OFFLINE_PAGE: &str = include_str!("../../resources/offline.html");

impl WebViewDelegate for State {
    fn notify_new_frame_ready(&self, webview: WebView) {
        if let Some(surface) = &*self.surface.borrow() {
            surface.frame_ready(&webview);
        }
    }

    fn notify_load_status_changed(&self, webview: WebView, status: LoadStatus) {
        self.push(Event::Load(status, webview.url()));
    }

    fn notify_page_title_changed(&self, _: WebView, title: Option<String>) {
        if let Some(surface) = &*self.surface.borrow() {
            surface.set_page_title(title.as_deref().unwrap_or_default());
        }
    }

    fn notify_closed(&self, webview: WebView) {
        let mut auxiliary = self.auxiliary.borrow_mut();
        let count = auxiliary.len();
        auxiliary.retain(|kept| *kept != webview);
        if auxiliary.len() == count {
            self.push(Event::PageClosedItself);
        }
    }

    fn notify_crashed(&self, _: WebView, reason: String, _: Option<String>) {
        self.push(Event::Crashed(reason));
    }

    fn notify_input_event_handled(&self, _: WebView, id: InputEventId, _: InputEventResult) {
        let mut inputs = self.inputs.borrow_mut();
        for input in inputs.iter_mut() {
            input.ids.remove(&id);
        }
        for finished in inputs.extract_if(.., |input| input.ids.is_empty()) {
            self.push(finished.done);
        }
    }

    fn request_create_new(&self, parent: WebView, request: CreateNewWebViewRequest) {
        let webview = request
            .builder(parent.rendering_context())
            .delegate(parent.delegate())
            .build();
        self.auxiliary.borrow_mut().push(webview);
    }

    fn request_permission(&self, _: WebView, request: PermissionRequest) {
        // Nobody is there to be asked.
        request.deny();
    }

    fn show_embedder_control(&self, _: WebView, control: EmbedderControl) {
        // Dropping a dialog answers it: OK to an alert, Cancel to a question.
        if let EmbedderControl::SimpleDialog(SimpleDialog::Alert(alert)) = control {
            self.push(Event::Alert(alert.message().to_owned()));
        }
    }

    fn load_web_resource(&self, _: WebView, load: WebResourceLoad) {
        self.refuse_if_cut(load);
    }

    fn show_console_message(&self, _: WebView, level: ConsoleLogLevel, message: String) {
        self.push(Event::Console(ConsoleSource::Page, level, message));
    }
}
