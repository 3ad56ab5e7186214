//! The engine and the one window of the kiosk.

pub mod background_sync;
mod colors;
mod delegate;
mod error_page;
mod input;
#[cfg(feature = "offline")]
pub mod notifications;
#[cfg(not(feature = "offline"))]
#[path = "no_notifications.rs"]
pub mod notifications;
pub mod own_view;
mod page_loads;
pub mod page_rules;
mod picture;
mod remote;
mod script;
mod stylesheet;
pub mod surface;
pub mod sync_notice;
pub mod sync_policy;
mod syncs_view;
pub mod visit;
pub mod webdriver;

use std::path::PathBuf;
use std::rc::Rc;

use image::RgbaImage;
use servo::{Opts, Preferences, Servo, ServoBuilder, StorageType, UserContentManager, WebView};
use url::Url;

use self::background_sync::SyncPermission;
use self::delegate::State;
use self::notifications::{CardView, Waiting};
use self::own_view::SyncsView;
use self::picture::Picture;
use self::surface::{Surface, SurfaceFactory};
use crate::color_scheme::ColorScheme;
use crate::command::{ExtraTime, PermissionState, SyncApiName, SyncPermissionName};
use crate::config::values::Zoom;
use crate::config::{DurabilityName, NotificationDisplay};
use crate::event::{Event, Network, Requester};
use crate::failure::Failure;
use crate::message::Mailbox;
use crate::network_state::NetworkState;
use crate::permissions::OriginPermissions;
use crate::unattended_event::{Instead, UnattendedEvent, WindowKind};

/// What a browser is started with.
pub struct BrowserOptions {
    /// Preferences of the engine.
    pub preferences: Preferences,
    /// Options of the engine.
    pub options: Opts,
    /// Retries and limits of background sync.
    pub policy: background_sync::Policy,
    /// What origins may do.
    pub permissions: Vec<OriginPermissions>,
    /// How long sync registrations are kept.
    pub lifetime: background_sync::StorageLifetime,
    /// When what pages store is on the medium.
    pub storage_durability: DurabilityName,
    /// Where notifications are shown.
    pub notification_display: NotificationDisplay,
    /// Style sheets for every page.
    pub user_stylesheets: Vec<PathBuf>,
    /// How much larger than by default pages are.
    pub zoom: Option<Zoom>,
    /// Which colors pages are asked for.
    pub color_scheme: ColorScheme,
}

/// The engine, and at most one window with a page.
pub struct Browser {
    // The order matters: a page goes before what it is drawn on, and both before the engine.
    card: Option<CardView>,
    syncs: Option<SyncsView>,
    page: Option<WebView>,
    surface: Option<Rc<dyn Surface>>,
    user_content: Rc<UserContentManager>,
    state: Rc<State>,
    servo: Servo,
    mailbox: Mailbox,
    /// The page that could not be loaded because there is no network. It is loaded when the network returns.
    missed_page: Option<Url>,
    zoom: Option<Zoom>,
    color_scheme: ColorScheme,
}

impl Browser {
    /// Starts the engine. There may be one in a process.
    ///
    /// # Errors
    /// If a style sheet can't be read.
    pub fn start(
        options: BrowserOptions,
        network: NetworkState,
        mailbox: Mailbox,
    ) -> Result<Self, Failure> {
        let stylesheets = options
            .user_stylesheets
            .iter()
            .map(|path| stylesheet::read(path))
            .collect::<Result<Vec<_>, _>>()?;
        let builder = ServoBuilder::default()
            .opts(options.options)
            .preferences(options.preferences)
            .event_loop_waker(Box::new(mailbox.clone()));
        let waiting = Waiting::new(options.notification_display, &mailbox);
        let at_start = network.now();
        let state = Rc::new(State::new(network, waiting));
        let servo = background_sync::configure(
            builder,
            options.policy,
            at_start,
            &options.permissions,
            (options.lifetime, options.storage_durability),
        )
        .build();
        background_sync::report_network(&servo, at_start, state.network());
        servo.setup_logging();
        servo.set_delegate(state.clone());
        let user_content = Rc::new(UserContentManager::new(&servo));
        for stylesheet in stylesheets {
            user_content.add_stylesheet(Rc::new(stylesheet));
        }
        Ok(Self {
            card: None,
            syncs: None,
            page: None,
            surface: None,
            user_content,
            state,
            servo,
            mailbox,
            missed_page: None,
            zoom: options.zoom,
            color_scheme: options.color_scheme,
        })
    }

    /// Lets the engine do what it has to do on this thread. Its events can be taken afterwards.
    pub fn spin(&self) {
        self.mailbox.note_engine_spin();
        self.servo.spin_event_loop();
    }

    /// The oldest event that nobody has taken.
    pub fn next_event(&self) -> Option<Event> {
        self.state.next_event()
    }

    /// Adds an event from elsewhere behind the engine's.
    pub fn push_event(&self, event: Event) {
        self.state.push(event);
    }

    /// Loads a page, if it may be shown. Opens a window for it if there is none.
    ///
    /// # Errors
    /// If no window can be opened.
    pub fn open(&mut self, url: Url, surfaces: &dyn SurfaceFactory) -> Result<(), Failure> {
        if !self.allows_page(&url) {
            self.push_event(Event::Unattended(UnattendedEvent::NavigationBlocked {
                url,
                window: WindowKind::Page,
                instead: Instead::Page,
            }));
            return Ok(());
        }
        self.hide_syncs();
        self.missed_page = None;
        if let Some(page) = &self.page {
            page.load(url);
            return Ok(());
        }
        let surface = surfaces.open()?;
        surface.show_network(self.network());
        self.state.set_surface(Some(surface.clone()));
        self.page = Some(self.build_page(url, &surface));
        self.surface = Some(surface);
        self.push_event(Event::WindowOpened);
        Ok(())
    }

    /// Loads the page again.
    pub fn reload(&mut self, requester: Requester) {
        match (&self.page, self.missed_page.take()) {
            (Some(page), Some(missed)) => page.load(missed),
            (Some(page), None) => page.reload(),
            (None, _) => self.refuse(requester),
        }
    }

    /// Remembers a page that could not be loaded, until the network returns.
    pub fn note_missed_page(&mut self, url: &Url) {
        self.missed_page = Some(url.clone());
    }

    /// The page, if the window is open.
    pub fn page(&self) -> Option<&WebView> {
        self.page.as_ref()
    }

    /// Closes the page and its window. Service workers go on.
    pub fn close_window(&mut self) {
        self.hide_syncs();
        if self.page.take().is_some() {
            self.missed_page = None;
            self.state.clear_pages();
            self.state.set_surface(None);
            if let Some(surface) = self.surface.take() {
                surface.show_card(None);
            }
            self.follow_cards();
            self.push_event(Event::WindowClosed);
        }
    }

    /// Whether content reaches the network.
    pub fn network(&self) -> Network {
        self.state.network().now()
    }

    /// Where changes of the network are told.
    pub fn network_state(&self) -> NetworkState {
        self.state.network().clone()
    }

    /// Cuts the network for all content, or cuts it no more. Whether there is one then, the machine decides.
    pub fn set_cut(&mut self, is_cut: bool) {
        self.state.network().set_cut(is_cut);
        self.follow_network();
    }

    /// Does what is left to do for changes of the network of which the engine has been told.
    pub fn follow_network(&mut self) {
        while let Some(network) = self.state.network().next_change() {
            self.show_network(network);
        }
    }

    fn show_network(&mut self, network: Network) {
        if let Some(surface) = &self.surface {
            surface.show_network(network);
        }
        self.push_event(Event::Network(network));
        if network != Network::Up {
            return;
        }
        if let (Some(page), Some(missed)) = (&self.page, self.missed_page.take()) {
            page.load(missed);
        }
    }

    /// Runs a script in the page; its value comes as an event.
    pub fn evaluate(&self, script: &str, requester: Requester) {
        let Some(page) = self.front() else {
            return self.refuse(requester);
        };
        let state = self.state.clone();
        script::evaluate(page, script, move |result| {
            state.push(Event::Evaluated(requester, result));
        });
    }

    /// Writes the page as a PNG file once it is stable.
    pub fn screenshot(&self, path: PathBuf, requester: Requester) {
        let Some(page) = self.front() else {
            return self.refuse(requester);
        };
        let state = self.state.clone();
        self.draw_page(page, move |picture| {
            let result = picture.and_then(|picture| {
                picture
                    .save_with_format(&path, image::ImageFormat::Png)
                    .map_err(|error| format!("{} can't be written: {error}", path.display()))
            });
            state.push(Event::Screenshot(requester, path, result));
        });
    }

    fn draw_page(&self, page: &WebView, done: impl FnOnce(Result<RgbaImage, String>) + 'static) {
        let picture = Rc::new(Picture::new(self.card_place(), done));
        if let Some(card) = self.card_webview() {
            let picture = picture.clone();
            card.take_screenshot(None, move |of_card| picture.add_card(of_card.ok()));
        }
        page.take_screenshot(None, move |of_page| {
            picture
                .add_page(of_page.map_err(|error| format!("the page can't be drawn: {error:?}")));
        });
    }

    /// Reports the sync registrations.
    pub fn list_syncs(&self, requester: Requester) {
        let list = background_sync::list(&self.servo);
        self.push_event(Event::Syncs(requester, list));
    }

    /// Clears a site's sync registrations and notifications.
    pub fn clear_syncs(&self, site: &str) {
        background_sync::clear(&self.servo, site);
        self.clear_notifications(site);
    }

    /// Clears what a site has stored: cookies, `localStorage`, `sessionStorage`, sync registrations and caches.
    pub fn clear_site_data(&self, site: &str) {
        let manager = self.servo.site_data_manager();
        manager.clear_site_data(&[site], StorageType::all());
    }

    /// Allows or forbids the origin of a URL to use background sync.
    pub fn permit_sync(&self, url: &str, permission: SyncPermission, requester: Requester) {
        if let Some(url) = self.parse_url(url, requester) {
            background_sync::permit(&self.servo, &url, permission);
        }
    }

    /// Sets one permission of the origin of a URL.
    pub fn set_sync_permission(
        &self,
        name: SyncPermissionName,
        state: PermissionState,
        url: &str,
        requester: Requester,
    ) {
        if let Some(url) = self.parse_url(url, requester) {
            background_sync::set_permission(&self.servo, &url, name, state);
        }
    }

    /// Sets what is added to the least interval between periodic events of the origin of a URL.
    pub fn set_extra_interval(&self, extra: ExtraTime, url: &str, requester: Requester) {
        if let Some(url) = self.parse_url(url, requester) {
            background_sync::set_extra_interval(&self.servo, &url, extra);
        }
    }

    /// Fires the event of a periodic registration now.
    pub fn fire_periodic_sync(&self, scope: &str, tag: &str, requester: Requester) {
        if let Err(reason) = background_sync::fire_periodic(&self.servo, scope, tag) {
            self.push_event(Event::CommandFailed(requester, reason));
        }
    }

    /// Removes a registration.
    pub fn unregister_sync(&self, api: SyncApiName, scope: &str, tag: &str, requester: Requester) {
        if let Err(reason) = background_sync::unregister(&self.servo, api, scope, tag) {
            self.push_event(Event::CommandFailed(requester, reason));
        }
    }

    /// Says so if it is none.
    fn parse_url(&self, text: &str, requester: Requester) -> Option<Url> {
        Url::parse(text)
            .inspect_err(|error| {
                let reason = format!("`{text}` is not a URL: {error}");
                self.push_event(Event::CommandFailed(requester, reason));
            })
            .ok()
    }

    fn refuse(&self, requester: Requester) {
        self.push_event(Event::CommandFailed(
            requester,
            "no window is open; `open URL` opens one".to_owned(),
        ));
    }
}
