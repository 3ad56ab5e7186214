//! Ties the parts together: messages come in from the event loop, the browser and the scenario follow them.

mod acting;
mod commands;
mod ending;
mod fleet_desk;
mod outstanding;
mod patience;
mod plan;
mod planned_restart;
mod recovery;
mod remote_desk;
mod scenario_run;
mod service_manager;
mod showing;
mod sync_only;
mod syncs_desk;
mod unattended;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use servo::InputEvent;
use url::Url;

pub use self::ending::{Ending, Next, Program};
use self::fleet_desk::FleetDesk;
use self::outstanding::Outstanding;
pub use self::plan::{Direction, Operators, PageChoice, Plan, UnattendedPlan, WindowLook};
use self::remote_desk::RemoteDesk;
use self::scenario_run::ScenarioRun;
use self::showing::choose_output;
use self::sync_only::SyncOnlyRun;
use self::syncs_desk::SyncsDesk;
use self::unattended::Unattended;
use crate::app_server::AppServer;
use crate::browser::Browser;
use crate::browser::surface::SurfaceFactory;
use crate::browser::webdriver::{AfterCommand, WebDriverServer};
use crate::connectivity::MachineWatch;
use crate::control;
use crate::event::{Event, Network, RefusedLoad};
use crate::failure::Failure;
use crate::message::{Mailbox, Message};
use crate::network_state::NetworkState;
use crate::output::Output;
use crate::profile::Profile;
use crate::timeline::Actor;

/// A running kiosk.
pub struct Kiosk {
    browser: Browser,
    direction: Direction,
    output: Output,
    app: Option<AppServer>,
    scenario: Option<ScenarioRun>,
    url: Url,
    screenshot_folder: PathBuf,
    webdriver: Option<WebDriverServer>,
    outstanding: Outstanding,
    remote: RemoteDesk,
    syncs: SyncsDesk,
    unattended: Unattended,
    fleet: FleetDesk,
    sync_only: Option<SyncOnlyRun>,
    _profile: Profile,
    _machine: MachineWatch,
}

impl Kiosk {
    /// Starts the server, the engine and the control channel, and opens the page.
    ///
    /// # Errors
    /// If the port is in use or no window can be opened.
    pub fn start(
        plan: Plan,
        mailbox: Mailbox,
        surfaces: &dyn SurfaceFactory,
    ) -> Result<Self, Failure> {
        let output = choose_output(&plan);
        let (app, url) = match plan.page {
            PageChoice::Url(url) => (None, url),
            PageChoice::OutboxApp { port, refuse_first } => {
                let app = AppServer::start(port, refuse_first, mailbox.clone())?;
                let url = app.url();
                (Some(app), url)
            }
        };
        let fleet = FleetDesk::open(&plan.fleet, &plan.profile, &output, plan.start, &mailbox);
        let page = app.is_none().then_some(&url);
        let has_machines_network = plan.direction.has_machines_network();
        let watch = plan.connectivity.choose_watch(has_machines_network, page);
        let network = NetworkState::new(plan.is_cut);
        let machine = MachineWatch::start(&plan.connectivity, watch, &network, mailbox.clone())?;
        let longest_event = Duration::from_millis(plan.browser.policy.event_cap_ms);
        let browser = Browser::start(plan.browser, network, mailbox.clone())?;
        let unattended = Unattended::start(plan.unattended, longest_event, &browser, &url);
        let mut kiosk = Self {
            browser,
            unattended,
            _machine: machine,
            direction: plan.direction,
            output,
            app,
            scenario: None,
            url,
            screenshot_folder: plan.screenshot_folder,
            webdriver: None,
            outstanding: Outstanding::default(),
            syncs: SyncsDesk::new(plan.syncs_page),
            remote: RemoteDesk::open(plan.operators, &plan.profile, plan.start, &mailbox),
            fleet,
            sync_only: SyncOnlyRun::start(plan.direction, plan.start),
            _profile: plan.profile,
        };
        control::listen_for_signals(mailbox.clone());
        kiosk.introduce();
        kiosk.browser.push_event(Event::Ready);
        kiosk.browser.announce_notifications();
        kiosk.fleet.announce(&kiosk.browser);
        kiosk.begin(plan.start, &mailbox, surfaces)?;
        if let Some(port) = plan.webdriver {
            kiosk.webdriver = Some(WebDriverServer::start(port, mailbox.clone())?);
        }
        // The first message: whatever has happened so far is shown.
        mailbox.send(Message::EngineWoke);
        Ok(kiosk)
    }

    /// When [`Message::DeadlinePassed`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        let scenario = self.scenario.as_ref().map(ScenarioRun::deadline);
        let cards = self.browser.card_deadline();
        let unattended = self.unattended.deadline(&self.browser);
        let syncs = self.syncs.deadline(&self.browser);
        let sync_only = self.sync_only.as_ref().map(SyncOnlyRun::deadline);
        let deadlines = [scenario, cards, unattended, syncs, sync_only];
        deadlines.into_iter().flatten().min()
    }

    /// The page, if its window is open.
    pub fn browser(&self) -> &Browser {
        &self.browser
    }

    /// Follows a message.
    ///
    /// # Errors
    /// If a window can't be opened.
    pub fn handle(
        &mut self,
        message: Message,
        surfaces: &dyn SurfaceFactory,
    ) -> Result<Next, Failure> {
        let next = self.handle_and_show(message, surfaces);
        self.unattended.note_next(&next);
        self.output.flush();
        if let Ok(Next::Exit(_)) = next {
            self.fleet.hand_over(&self.browser);
        }
        next
    }

    fn handle_and_show(
        &mut self,
        message: Message,
        surfaces: &dyn SurfaceFactory,
    ) -> Result<Next, Failure> {
        // Before what the engine tells: it has been told of the network first.
        self.browser.follow_network();
        match message {
            // The window's event loop has followed a new screen.
            Message::EngineWoke | Message::ScreenChanged(_) | Message::NetworkChanged => {}
            Message::DisplayCame => self.unattended.restart_for_display(&self.browser),
            Message::Command(line) => {
                if let Next::Exit(code) = self.follow(line, surfaces)? {
                    return Ok(Next::Exit(code));
                }
            }
            Message::Remote(request) => {
                self.ask_desk(request, surfaces);
            }
            Message::RemoteGoesOn => self.remote.go_on(&self.browser),
            Message::Scrape(scrape) => self.fleet.answer(scrape, &self.browser),
            // A supervisor that is gone can't stop the kiosk any more. A person may have closed the terminal's input.
            Message::ControlClosed if self.direction == Direction::Program => {
                return Ok(Next::Exit(ExitCode::SUCCESS));
            }
            Message::ControlClosed => {}
            Message::Interrupted => {
                return Ok(Next::Exit(ExitCode::from(control::EXIT_CODE_INTERRUPTED)));
            }
            Message::Server(event) => self.browser.push_event(Event::Server(event)),
            Message::Desktop(news) => self.browser.follow_desktop(news),
            Message::DeadlinePassed => {
                if let Some(scenario) = &self.scenario
                    && scenario.deadline() <= Instant::now()
                {
                    return Ok(Next::Exit(scenario.fail_for_time(&self.server_log())));
                }
            }
        }
        self.browser.spin();
        while let Some(command) = self
            .webdriver
            .as_ref()
            .and_then(WebDriverServer::next_command)
        {
            if self.browser.follow_webdriver(command, surfaces)? == AfterCommand::Shutdown {
                return Ok(Next::Exit(ExitCode::SUCCESS));
            }
        }
        self.browser.open_wanted_windows(&self.url, surfaces)?;
        self.browser.follow_cards();
        self.syncs
            .follow(&mut self.browser, &mut self.remote, surfaces);
        if let Next::Exit(code) = self.note_events(surfaces)? {
            return Ok(Next::Exit(code));
        }
        if let Some(code) = self.look_after_sync_only() {
            return Ok(Next::Exit(code));
        }
        let restarts = self.unattended.do_what_is_due(&mut self.browser);
        match self.note_events(surfaces)? {
            Next::Wait if restarts => Ok(Next::Restart),
            next => Ok(next),
        }
    }

    fn note_events(&mut self, surfaces: &dyn SurfaceFactory) -> Result<Next, Failure> {
        while let Some(event) = self.browser.next_event() {
            if let Next::Exit(code) = self.note(&event, surfaces)? {
                return Ok(Next::Exit(code));
            }
        }
        self.remote.tell_followers(&self.browser);
        Ok(Next::Wait)
    }

    fn look_after_sync_only(&mut self) -> Option<ExitCode> {
        self.sync_only.as_mut()?.look(&self.browser)
    }

    /// A person wants the window closed, or the page does.
    pub fn close_window(&mut self, surfaces: &dyn SurfaceFactory) -> Result<Next, Failure> {
        self.browser.close_window();
        self.handle(Message::EngineWoke, surfaces)
    }

    /// A person cuts or restores the network.
    pub fn toggle_network(&mut self) {
        let is_cut = self.browser.network() == Network::Cut;
        self.browser.set_cut(!is_cut);
    }

    /// A person wants to see `kiosk:syncs`, or has seen it.
    pub fn toggle_syncs(&mut self) {
        self.syncs.toggle(&mut self.browser);
    }

    /// Whether a key of a person's is for the kiosk itself; then pages get none of it.
    pub fn takes_key(&mut self, key: &InputEvent) -> bool {
        self.browser.takes_key(key)
    }

    fn introduce(&self) {
        let Output::Timeline(timeline) = &self.output else {
            return;
        };
        timeline.say(Actor::Server, &format!("the outbox app is at {}", self.url));
        timeline.say(
            Actor::Kiosk,
            &format!("Servo runs with {}", self._profile.describe()),
        );
        if self.direction == Direction::Person {
            timeline.note(
                "Ctrl+Shift+O in the window cuts and restores the network. In this terminal: offline, online, open, quit.",
            );
        }
    }

    fn note(&mut self, event: &Event, surfaces: &dyn SurfaceFactory) -> Result<Next, Failure> {
        self.output.show(event);
        self.fleet.note(event);
        if let Some(run) = &mut self.sync_only {
            run.note(event);
        }
        self.count(event);
        self.unattended.look_after(event, &mut self.browser);
        self.syncs.note(event, &mut self.browser);
        let actions = self
            .scenario
            .as_mut()
            .map(|scenario| scenario.handle(event));
        for action in actions.unwrap_or_default() {
            if let Next::Exit(code) = self.act(action, surfaces)? {
                return Ok(Next::Exit(code));
            }
        }
        match event {
            Event::PageClosedItself => self.browser.close_window(),
            Event::LoadRefused(RefusedLoad::Page, url) => self.browser.note_missed_page(url),
            _ => {}
        }
        Ok(self.end_if_nothing_is_left(event))
    }

    fn count(&mut self, event: &Event) {
        let Event::Sync(notice) = event else { return };
        self.remote.note_news();
        self.outstanding.note(notice);
    }

    /// Without a window, a kiosk that a person runs lives as long as a sync has something to do.
    fn end_if_nothing_is_left(&self, event: &Event) -> Next {
        if self.direction != Direction::Person || self.browser.page().is_some() {
            return Next::Wait;
        }
        if self.outstanding.count() == 0 {
            return Next::Exit(ExitCode::SUCCESS);
        }
        if let (Output::Timeline(timeline), Event::WindowClosed) = (&self.output, event) {
            timeline.note(&format!(
                "{} sync registration(s) wait; the kiosk goes on without a window until they are done. \
                 Type online, open or quit; or press Ctrl+C.",
                self.outstanding.count()
            ));
        }
        Next::Wait
    }
}
