//! What the engine calls: collects events for the main loop, and answers loads while there is no network.

use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::rc::Rc;
use std::time::Instant;

use servo::{
    ConsoleLogLevel, CreateNewWebViewRequest, EmbedderControl, InputEventId, InputEventResult,
    LoadStatus, PermissionRequest, SimpleDialog, TraversalId, WebResourceLoad, WebResourceResponse,
    WebView, WebViewDelegate, WebViewId,
};

use url::Url;

use super::notifications::Waiting;
use super::page_rules::PageRules;
use super::surface::Surface;
use super::webdriver::WaitingClients;
use crate::connectivity::is_on_this_machine;
use crate::event::{ConsoleSource, Event, Network, RefusedLoad};
use crate::network_state::NetworkState;
use crate::unattended_event::WindowKind;

/// Shared by the browser and the engine's callbacks, all on the main thread.
pub struct State {
    events: RefCell<VecDeque<Event>>,
    network: NetworkState,
    surface: RefCell<Option<Rc<dyn Surface>>>,
    /// Windows that the page opened. Kept, because dropping a handle closes its page.
    auxiliary: RefCell<Vec<WebView>>,
    /// Texts and clicks whose input events have not all been handled.
    inputs: RefCell<Vec<PendingInput>>,
    waiting_clients: WaitingClients,
    waiting: Waiting,
    page_rules: PageRules,
    last_input: Cell<Option<Instant>>,
}

/// A text or a click on its way through the page.
struct PendingInput {
    ids: HashSet<InputEventId>,
    done: Event,
    is_lost: bool,
}

impl PendingInput {
    /// What has become of it.
    fn event(self) -> Event {
        if !self.is_lost {
            return self.done;
        }
        let gone = Err("the page has gone before this was handled".to_owned());
        match self.done {
            Event::Clicked(requester, _) => Event::Clicked(requester, gone),
            Event::Typed(requester, _) => Event::Typed(requester, gone),
            other => other,
        }
    }
}

impl State {
    /// Nothing has happened, no window is open.
    pub fn new(network: NetworkState, waiting: Waiting) -> Self {
        Self {
            events: RefCell::default(),
            network,
            surface: RefCell::default(),
            auxiliary: RefCell::default(),
            inputs: RefCell::default(),
            waiting_clients: WaitingClients::default(),
            waiting,
            page_rules: PageRules::default(),
            last_input: Cell::default(),
        }
    }

    /// What is decided about pages.
    pub fn page_rules(&self) -> &PageRules {
        &self.page_rules
    }

    /// When a person has done something for the last time.
    pub fn last_input(&self) -> &Cell<Option<Instant>> {
        &self.last_input
    }

    /// Which window this is.
    pub fn kind_of(&self, webview: &WebView) -> WindowKind {
        match self.auxiliary.borrow().contains(webview) {
            true => WindowKind::Auxiliary,
            false => WindowKind::Page,
        }
    }

    /// Notifications and windows whose turn is yet to come.
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
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
    pub fn network(&self) -> &NetworkState {
        &self.network
    }

    /// Where pages are drawn from now on.
    pub fn set_surface(&self, surface: Option<Rc<dyn Surface>>) {
        self.surface.replace(surface);
    }

    /// Brings the window to the front.
    pub fn raise_window(&self) {
        if let Some(surface) = &*self.surface.borrow() {
            surface.raise();
        }
    }

    /// Which clients of WebDriver wait for what.
    pub fn waiting_clients(&self) -> &WaitingClients {
        &self.waiting_clients
    }

    /// The windows besides the page's.
    pub fn auxiliary(&self) -> Vec<WebView> {
        self.auxiliary.borrow().clone()
    }

    /// Keeps a window open.
    pub fn add_auxiliary(&self, webview: WebView) {
        self.auxiliary.borrow_mut().push(webview);
    }

    /// Closes a window.
    pub fn remove_auxiliary(&self, id: WebViewId) {
        let closed: Vec<WebView> = self
            .auxiliary
            .borrow_mut()
            .extract_if(.., |kept| kept.id() == id)
            .collect();
        drop(closed);
    }

    /// Closes the windows that the page opened, and forgets input that nobody handles any more.
    pub fn clear_pages(&self) {
        self.auxiliary.take();
        for input in self.inputs.take() {
            // Whoever waits for it need not wait for ever.
            let lost = PendingInput {
                is_lost: true,
                ..input
            };
            self.push(lost.event());
        }
    }

    /// `done` becomes an event once all of these input events have been handled.
    pub fn expect_input(&self, ids: HashSet<InputEventId>, done: Event) {
        if ids.is_empty() {
            return self.push(done);
        }
        self.inputs.borrow_mut().push(PendingInput {
            ids,
            done,
            is_lost: false,
        });
    }

    /// Whether a load needs a network that is not there. Without a network of the machine's, a page would be an error
    /// page for ever, so it is refused, and loaded later. Everything else finds out by itself: the machine may be right
    /// about its interfaces and wrong about what can be reached.
    fn refuses(&self, url: &Url, load: RefusedLoad) -> bool {
        let is_on_the_network = matches!(url.scheme(), "http" | "https" | "ws" | "wss");
        match self.network.now() {
            Network::Up => false,
            Network::Cut => is_on_the_network,
            Network::Absent => {
                is_on_the_network && load == RefusedLoad::Page && !is_on_this_machine(url)
            }
        }
    }

    /// Answers a load with a network error if there is no network for it; otherwise it goes its way. What is already
    /// under way when the network goes is not stopped.
    pub fn refuse_if_offline(&self, webview: Option<&WebView>, load: WebResourceLoad) {
        let url = load.request.url.clone();
        let auxiliary = self.auxiliary.borrow();
        let is_the_page = webview.is_some_and(|webview| !auxiliary.contains(webview));
        // What a worker asked the network for is not shown: it is told that there is none.
        let is_preload = is_navigation_preload(&load);
        let refused = match load.request.is_for_main_frame && is_the_page && !is_preload {
            true => RefusedLoad::Page,
            false => RefusedLoad::Resource,
        };
        if !self.refuses(&url, refused) {
            return;
        }
        match load.request.destination.as_str() {
            "document" | "frame" | "iframe" if !is_preload => {
                answer_with_page(load, "about:offline", OFFLINE_PAGE);
            }
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
pub fn answer_with_page(load: WebResourceLoad, address: &'static str, page: &'static str) {
    let url = Url::parse(address).expect("a valid URL");
    let mut response = WebResourceResponse::new(url);
    let content_type = "text/html; charset=utf-8".parse().expect("a valid header");
    response.headers.insert("content-type", content_type);
    let mut load = load.intercept(response);
    load.send_body_data(page.into());
    load.finish();
}

/// Whether a load is no navigation, but what a service worker gets to answer one with.
pub fn is_navigation_preload(load: &WebResourceLoad) -> bool {
    load.request.headers.contains_key(NAVIGATION_PRELOAD)
}

/// Only requests that are made for a service worker have this header.
const NAVIGATION_PRELOAD: &str = "service-worker-navigation-preload";

/// Shown in place of a page that can't be loaded.
const OFFLINE_PAGE: &str = include_str!("../../resources/offline.html");

impl WebViewDelegate for State {
    fn notify_new_frame_ready(&self, webview: WebView) {
        if let Some(surface) = &*self.surface.borrow() {
            surface.frame_ready(&webview);
        }
    }

    fn notify_load_status_changed(&self, webview: WebView, status: LoadStatus) {
        self.waiting_clients.note_load(&webview, status);
        self.push(Event::Load(status, webview.url()));
    }

    fn notify_url_changed(&self, webview: WebView, url: Url) {
        self.waiting_clients.note_place(&webview, &url);
        if !self.auxiliary.borrow().contains(&webview) {
            self.push(Event::Address(url));
        }
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
        self.push(if auxiliary.len() == count {
            Event::PageClosedItself
        } else {
            Event::AuxiliaryWindowClosed
        });
    }

    fn notify_crashed(&self, webview: WebView, reason: String, _: Option<String>) {
        self.push(Event::Crashed(self.kind_of(&webview), reason));
    }

    fn notify_traversal_complete(&self, _: WebView, id: TraversalId) {
        self.waiting_clients.note_traversal(&id);
    }

    fn notify_input_event_handled(&self, _: WebView, id: InputEventId, result: InputEventResult) {
        self.waiting_clients.note_input(id);
        let mut inputs = self.inputs.borrow_mut();
        for input in inputs.iter_mut() {
            let was_expected = input.ids.remove(&id);
            input.is_lost |= was_expected && result.contains(InputEventResult::DispatchFailed);
        }
        for finished in inputs.extract_if(.., |input| input.ids.is_empty()) {
            self.push(finished.event());
        }
    }

    fn request_create_new(&self, parent: WebView, request: CreateNewWebViewRequest) {
        let webview = request
            .builder(parent.rendering_context())
            .delegate(parent.delegate())
            .build();
        webview.set_page_zoom(parent.page_zoom());
        self.add_auxiliary(webview);
        self.push(Event::AuxiliaryWindowOpened);
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

    fn load_web_resource(&self, webview: WebView, load: WebResourceLoad) {
        if let Some(load) = self.answer_by_rules(&webview, load) {
            self.refuse_if_offline(Some(&webview), load);
        }
    }

    fn show_console_message(&self, _: WebView, level: ConsoleLogLevel, message: String) {
        self.push(Event::Console(ConsoleSource::Page, level, message));
    }
}
