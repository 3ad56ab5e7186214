//! What the kiosk does by itself: it loads pages again, keeps to the allowed ones, ends visits, and restarts.

use std::time::{Duration, Instant};

use chrono::Local;
use servo::{LoadStatus, WebView};
use url::Url;

use super::ending::Next;
use super::patience::Patience;
use super::plan::UnattendedPlan;
use super::planned_restart::{Look, PlannedRestart};
use super::recovery::{MAX_CRASHES, Recovery};
use super::service_manager::ServiceManager;
use crate::browser::Browser;
use crate::browser::background_sync::SyncNotice;
use crate::browser::page_rules::{AllowedPages, OwnPage};
use crate::browser::visit::Trouble;
use crate::config::values::TimeLimit;
use crate::event::{Event, Network};
use crate::failure::Failure;
use crate::unattended_event::{Instead, UnattendedEvent, WindowKind};

/// What the kiosk has to do by itself, and when.
pub struct Unattended {
    recovers: bool,
    recovery: Recovery,
    patience: Patience,
    idle_limit: Option<Duration>,
    restart: Option<PlannedRestart<Local>>,
    /// The event cap of the sync policy: none runs for longer.
    longest_event: Duration,
    /// A display is there now, and the kiosk is to begin again on it. Events are waited for until then.
    display_limit: Option<Instant>,
    service_manager: ServiceManager,
    /// Sync events that run.
    running_events: u64,
    /// Whether a page has been shown since the start page was asked for.
    has_shown_page: bool,
    start: Url,
}

impl Unattended {
    /// As planned, and for a browser whose start page this is.
    pub fn start(
        plan: UnattendedPlan,
        longest_event: Duration,
        browser: &Browser,
        start: &Url,
    ) -> Self {
        browser.restrict_pages(AllowedPages::new(start, plan.allowed_origins));
        let (now, clock) = (Instant::now(), Local::now());
        Self {
            recovers: plan.recovers,
            recovery: Recovery::default(),
            patience: Patience::new(plan.answer_limit.map(TimeLimit::duration)),
            idle_limit: plan.idle_reset.map(|limit| limit.duration()),
            restart: plan
                .restart_at
                .map(|at| PlannedRestart::new(at, longest_event, now, &clock)),
            longest_event,
            display_limit: None,
            service_manager: ServiceManager::of_this_process(),
            running_events: 0,
            has_shown_page: false,
            start: start.clone(),
        }
    }

    /// When there is something to do next.
    pub fn deadline(&self, browser: &Browser) -> Option<Instant> {
        let restart = self.restart.as_ref().map(PlannedRestart::deadline);
        let deadlines = [
            restart,
            self.display_limit,
            self.recovery.deadline(),
            self.patience.deadline(),
            self.end_of_visit(browser),
            self.service_manager.deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// When the visitor counts as gone.
    fn end_of_visit(&self, browser: &Browser) -> Option<Instant> {
        browser.last_input()?.checked_add(self.idle_limit?)
    }

    /// Follows an event.
    pub fn look_after(&mut self, event: &Event, browser: &mut Browser) {
        self.note_answer(event);
        match event {
            Event::Address(url) if !browser.allows_page(url) => {
                // News of a web view that is gone already may be late.
                if browser.page().and_then(WebView::url).as_ref() == Some(url) {
                    self.leave(url.clone(), browser);
                }
            }
            Event::Address(url) => {
                self.has_shown_page |= url.scheme() != "about";
                self.look_for_error_page(browser);
            }
            Event::Load(LoadStatus::Complete, _) => self.look_for_error_page(browser),
            Event::Unattended(UnattendedEvent::LoadFailed { .. }) => self.plan_reload(browser),
            Event::Unattended(UnattendedEvent::NavigationBlocked {
                window: WindowKind::Page,
                instead,
                ..
            }) => self.follow_block(*instead, browser),
            Event::Crashed(WindowKind::Page, _) if self.recovers => {
                self.recover_from_crash(browser);
            }
            Event::Network(Network::Up) => self.recovery.hurry(Instant::now()),
            Event::Sync(SyncNotice::Dispatched { .. }) => self.running_events += 1,
            Event::Sync(SyncNotice::Finished { .. }) => {
                let running = &mut self.running_events;
                *running = running.saturating_sub(1);
            }
            _ => {}
        }
    }

    /// Whether the page that was asked for is there, or something in its place.
    fn note_answer(&mut self, event: &Event) {
        match event {
            Event::WindowOpened | Event::Unattended(UnattendedEvent::VisitEnded)
                if self.recovers =>
            {
                self.patience.begin(self.start.clone(), Instant::now());
            }
            Event::Address(_)
            | Event::Load(..)
            | Event::WindowClosed
            | Event::Crashed(WindowKind::Page, _)
            | Event::Unattended(UnattendedEvent::NavigationBlocked { .. }) => self.patience.end(),
            _ => {}
        }
    }

    /// Does what is due. Returns whether the kiosk is to restart.
    pub fn do_what_is_due(&mut self, browser: &mut Browser) -> bool {
        let now = Instant::now();
        self.service_manager.note_life(now);
        if let Some(url) = self.patience.take_missed(now) {
            browser.show_instead(OwnPage::Unanswered, url.clone());
            let limit = self.patience.limit().as_secs();
            browser.push_event(Event::Unattended(UnattendedEvent::LoadFailed {
                url,
                reason: format!("there was no answer in {limit} s"),
            }));
        }
        if self.recovery.take_due(now)
            && let Some(url) = browser.try_again()
        {
            self.patience.begin(url, now);
        }
        let is_over = self.end_of_visit(browser);
        if is_over.is_some_and(|end| end <= now) {
            self.recovery.forget();
            browser.end_visit(self.start.clone());
        }
        self.has_to_restart(now, browser)
    }

    /// The display that was not there at the start has come: the kiosk restarts on it once no sync event runs.
    pub fn restart_for_display(&mut self, browser: &Browser) {
        self.display_limit = Instant::now().checked_add(self.longest_event);
        let due = UnattendedEvent::DisplayCame {
            running_events: self.running_events,
        };
        browser.push_event(Event::Unattended(due));
    }

    /// Follows what the kiosk is to do next.
    pub fn note_next(&mut self, next: &Result<Next, Failure>) {
        if matches!(next, Ok(Next::Exit(_)) | Err(_)) {
            self.service_manager.note_end();
        }
    }

    fn has_to_restart(&mut self, now: Instant, browser: &Browser) -> bool {
        let running_events = self.running_events;
        if let Some(limit) = self.display_limit
            && (running_events == 0 || limit <= now)
        {
            browser.push_event(Event::Unattended(UnattendedEvent::Restarting));
            return true;
        }
        let Some(restart) = &mut self.restart else {
            return false;
        };
        let mut look = || restart.look(now, &Local::now(), running_events);
        let mut next = look();
        if next == Look::Due {
            let due = UnattendedEvent::RestartDue { running_events };
            browser.push_event(Event::Unattended(due));
            next = look();
        }
        if next == Look::Restart {
            browser.push_event(Event::Unattended(UnattendedEvent::Restarting));
        }
        next == Look::Restart
    }

    fn look_for_error_page(&self, browser: &Browser) {
        if self.recovers {
            browser.look_for_error_page(&self.start);
        }
    }

    /// The window is at a page that may not be shown: a service worker has made it.
    fn leave(&mut self, url: Url, browser: &mut Browser) {
        let start = self.start.clone();
        let instead = match std::mem::take(&mut self.has_shown_page) {
            true => {
                browser.renew_page(start);
                Instead::StartPage
            }
            // The start page itself leads there.
            false => {
                browser.show_instead(OwnPage::Blocked, start);
                Instead::Notice
            }
        };
        browser.push_event(Event::Unattended(UnattendedEvent::NavigationBlocked {
            url,
            window: WindowKind::Page,
            instead,
        }));
    }

    /// If there is no page that can stay, the start page is tried again: it may have been redirected by the network's own
    /// page for a login.
    fn follow_block(&mut self, instead: Instead, browser: &mut Browser) {
        let has_no_page = match (instead, browser.trouble()) {
            (Instead::Notice, _) | (Instead::Page, Some(Trouble::OwnPage)) => true,
            (Instead::Page, Some(Trouble::NotLoaded)) => false,
            _ => return,
        };
        if !self.recovers {
            return;
        }
        if has_no_page {
            browser.note_missed_page(&self.start);
        }
        self.plan_reload(browser);
    }

    fn recover_from_crash(&mut self, browser: &mut Browser) {
        let crashed = browser.page().and_then(WebView::url);
        let is_given_up = self.recovery.failures() >= MAX_CRASHES;
        let url = crashed
            .filter(|url| !is_given_up && browser.allows_page(url))
            .unwrap_or_else(|| self.start.clone());
        browser.show_instead(OwnPage::Crashed, url);
        self.plan_reload(browser);
    }

    fn plan_reload(&mut self, browser: &Browser) {
        if let Some(delay) = self.recovery.note_failure(Instant::now()) {
            let planned = UnattendedEvent::ReloadPlanned { delay };
            browser.push_event(Event::Unattended(planned));
        }
    }
}
