//! What is done at first, and what the scenario wants done.

use std::io::{self, BufReader};
use std::time::Instant;

use super::scenario_run::ScenarioRun;
use super::{Direction, Kiosk, Next};
use crate::app_server::{AppServer, LogEntry};
use crate::browser::surface::SurfaceFactory;
use crate::control;
use crate::event::{Network, Requester};
use crate::failure::Failure;
use crate::message::Mailbox;
use crate::output::Output;
use crate::scenario::Action;

impl Kiosk {
    /// Opens the page, or begins the scenario.
    ///
    /// # Errors
    /// If a window can't be opened.
    pub(super) fn begin(
        &mut self,
        start: Instant,
        mailbox: &Mailbox,
        surfaces: &dyn SurfaceFactory,
    ) -> Result<(), Failure> {
        if self.direction == Direction::Scenario {
            let (scenario, actions) = ScenarioRun::start(start);
            self.scenario = Some(scenario);
            for action in actions {
                self.act(action, surfaces)?;
            }
        } else if self.sync_only.is_none() {
            self.browser.open(self.url.clone(), surfaces)?;
            // Any other page is shown as a program's log is: what is on standard input is not for it.
            if !matches!(self.output, Output::Plain) {
                let network = self.browser.network_state();
                control::listen(BufReader::new(io::stdin()), network, mailbox.clone());
            }
        }
        Ok(())
    }

    /// Does it.
    ///
    /// # Errors
    /// If a window can't be opened.
    pub(super) fn act(
        &mut self,
        action: Action,
        surfaces: &dyn SurfaceFactory,
    ) -> Result<Next, Failure> {
        match action {
            Action::Say(actor, what) => {
                if let Output::Timeline(timeline) = &self.output {
                    timeline.say(actor, &what);
                }
            }
            Action::OpenApp => self.browser.open(self.url.clone(), surfaces)?,
            Action::CloseWindow => self.browser.close_window(),
            Action::SetNetwork(network) => self.browser.set_cut(network == Network::Cut),
            Action::Click(selector) => self.browser.click(selector, Requester::Scenario),
            Action::Type(text) => self.browser.type_text(&text, Requester::Scenario),
            Action::Screenshot(name) => {
                self.browser
                    .screenshot(self.screenshot_folder.join(name), Requester::Scenario);
            }
            Action::Finish => {
                if let Some(scenario) = &self.scenario {
                    let code = scenario.judge(&self.server_log(), &self.output);
                    return Ok(Next::Exit(code));
                }
            }
        }
        Ok(Next::Wait)
    }

    /// What the server of the bundled app has received.
    pub(super) fn server_log(&self) -> Vec<LogEntry> {
        self.app.as_ref().map(AppServer::log).unwrap_or_default()
    }
}
