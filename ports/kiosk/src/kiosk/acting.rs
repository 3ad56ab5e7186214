//! What the scenario wants done.

use super::{Kiosk, Next};
use crate::app_server::{AppServer, LogEntry};
use crate::browser::surface::SurfaceFactory;
use crate::event::{Network, Requester};
use crate::failure::Failure;
use crate::output::Output;
use crate::scenario::Action;

impl Kiosk {
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
