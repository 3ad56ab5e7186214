//! What the control channel asks of the kiosk.

use std::process::ExitCode;

use serde_json::Value;
use url::Url;

use super::Kiosk;
use super::ending::Next;
use crate::browser::background_sync::SyncPermission;
use crate::browser::surface::SurfaceFactory;
use crate::command::{Command, CommandLine};
use crate::event::{Event, Requester};
use crate::failure::Failure;
use crate::remote::answer::Answer;
use crate::remote::protocol::Request;
use crate::remote::request::RemoteRequest;
use crate::syncs_page;

impl Kiosk {
    /// Follows a line.
    ///
    /// # Errors
    /// If a window can't be opened.
    pub(super) fn follow(
        &mut self,
        line: CommandLine,
        surfaces: &dyn SurfaceFactory,
    ) -> Result<Next, Failure> {
        let requester = Requester::CommandLine(line.number);
        let command = match line.command {
            Ok(command) => command,
            Err(reason) => {
                self.browser
                    .push_event(Event::CommandFailed(requester, reason));
                return Ok(Next::Wait);
            }
        };
        match command {
            Command::Online => self.browser.set_cut(false),
            Command::Offline => self.browser.set_cut(true),
            Command::Open(None) => self.browser.open(self.url.clone(), surfaces)?,
            Command::Open(Some(url)) => self.open(&url, requester, surfaces)?,
            Command::Reload => self.browser.reload(requester),
            Command::CloseWindow => self.browser.close_window(),
            Command::Evaluate(script) => self.browser.evaluate(&script, requester),
            Command::Type(text) => self.browser.type_text(&text, requester),
            Command::Click(selector) => self.browser.click(&selector, requester),
            Command::Screenshot(path) => self.browser.screenshot(path, requester),
            Command::Syncs => self.browser.list_syncs(requester),
            Command::ClearSyncs(site) => self.browser.clear_syncs(&site),
            Command::ClearSiteData(site) => self.browser.clear_site_data(&site),
            Command::Allow(url) => {
                self.browser
                    .permit_sync(&url, SyncPermission::Granted, requester)
            }
            Command::Forbid(url) => {
                self.browser
                    .permit_sync(&url, SyncPermission::Denied, requester)
            }
            Command::Permission(name, state, url) => {
                self.browser
                    .set_sync_permission(name, state, &url, requester);
            }
            Command::FirePeriodic { scope, tag } => {
                self.browser.fire_periodic_sync(&scope, &tag, requester);
            }
            Command::Unregister { api, scope, tag } => {
                self.browser.unregister_sync(api, &scope, &tag, requester);
            }
            Command::ExtraInterval(extra, url) => {
                self.browser.set_extra_interval(extra, &url, requester);
            }
            Command::ClickNotification(id, action) => {
                self.browser
                    .click_notification(id, action.as_deref(), requester);
            }
            Command::CloseNotification(id) => self.browser.close_notification(id, requester),
            Command::Quit => return Ok(Next::Exit(ExitCode::SUCCESS)),
        }
        Ok(Next::Wait)
    }

    /// Has an operator's request answered.
    pub(super) fn ask_desk(&mut self, request: RemoteRequest, surfaces: &dyn SurfaceFactory) {
        let own_page = match &request.request {
            Request::Open { url } => Url::parse(url).ok(),
            _ => None,
        };
        let own_page = own_page.filter(|url| url.scheme() == syncs_page::SCHEME);
        let Some(url) = own_page else {
            return self.remote.handle(request, &mut self.browser, surfaces);
        };
        let answer = match self.syncs.open(&url, &mut self.browser) {
            Ok(()) => Answer::Done(Value::Null),
            Err(reason) => Answer::Refused(reason),
        };
        // Whoever does not wait any more has hung up.
        let _ = request.answer.send(answer);
    }

    /// Loads a page, or shows one of the kiosk's own.
    fn open(
        &mut self,
        url: &str,
        requester: Requester,
        surfaces: &dyn SurfaceFactory,
    ) -> Result<(), Failure> {
        let refused = match Url::parse(url) {
            Ok(url) if url.scheme() == syncs_page::SCHEME => {
                self.syncs.open(&url, &mut self.browser)
            }
            Ok(url) => return self.browser.open(url, surfaces),
            Err(error) => Err(format!("`{url}` is not a URL: {error}")),
        };
        if let Err(reason) = refused {
            self.browser
                .push_event(Event::CommandFailed(requester, reason));
        }
        Ok(())
    }
}
