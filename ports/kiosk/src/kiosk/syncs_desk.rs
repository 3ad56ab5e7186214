//! What `kiosk:syncs` shows and does, on the main thread: it answers the loads of its view, brings it up to date, and has done
//! what a person has confirmed.

use std::mem;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, TryRecvError, bounded};
use servo::BackgroundSyncManager;
use servo::background_sync::{
    DispatchError, EventOutcome, JournalEntry, JournalQuery, RegistrationInfo, Reply, WallTime,
};
use url::Url;

use super::remote_desk::RemoteDesk;
use crate::browser::Browser;
use crate::browser::own_view::Asked;
use crate::browser::surface::SurfaceFactory;
use crate::event::{Event, SyncsPageNews};
use crate::remote::answer::Answer;
use crate::remote::protocol::Request;
use crate::remote::request::RemoteRequest;
use crate::sync_report::journal::tell_outcome;
use crate::sync_report::rows::Name;
use crate::syncs_page::actions::{Actions, Offer, Work};
use crate::syncs_page::overview::Facts;
use crate::syncs_page::{
    ADDRESS, CLOSING, Parts, ask, headers, is_address, overview, update_script, whole,
};

/// What has happened is shown after so long at the latest, and the page is not brought up to date more often.
const NEWS_DELAY: Duration = Duration::from_secs(1);

/// Times that are shown are so old at most.
const CLOCK_DELAY: Duration = Duration::from_secs(5);

/// Entries of the journal from which the page is made, the newest ones.
const JOURNAL_ENTRIES: usize = 1_024;

/// Events that are waited for, so that the page can tell how they ended.
const MAX_SENDING: usize = 16;

/// Shows `kiosk:syncs` where the configuration allows it.
pub struct SyncsDesk {
    is_allowed: bool,
    actions: Actions,
    shown: Shown,
    notice: Option<String>,
    has_news: bool,
    drawn_at: Instant,
    sending: Vec<(Name, Reply<Result<EventOutcome, DispatchError>>)>,
    clearing: Option<Receiver<Answer>>,
}

/// What the view has.
enum Shown {
    Overview(Parts),
    /// Nothing yet, or a question: neither is brought up to date.
    Other,
}

impl SyncsDesk {
    /// `is_allowed`: whether the page may be shown.
    pub fn new(is_allowed: bool) -> Self {
        Self {
            is_allowed,
            actions: Actions::default(),
            shown: Shown::Other,
            notice: None,
            has_news: false,
            drawn_at: Instant::now(),
            sending: Vec::new(),
            clearing: None,
        }
    }

    /// Shows the page at this address of the kiosk's own.
    ///
    /// # Errors
    /// If there is none, it may not be shown, or no window is open.
    pub fn open(&mut self, url: &Url, browser: &mut Browser) -> Result<(), String> {
        if !is_address(url) {
            return Err(format!("`{url}` is no page of the kiosk: `{ADDRESS}` is"));
        }
        if !self.is_allowed {
            return Err(format!(
                "`{ADDRESS}` is switched off: `syncs_page = true` in the configuration, or --syncs-page, switches it on"
            ));
        }
        browser.show_syncs()
    }

    /// A person has pressed its keys.
    pub fn toggle(&mut self, browser: &mut Browser) {
        if browser.shows_syncs() {
            browser.hide_syncs();
        } else if self.is_allowed {
            // Without a window, nobody has pressed anything.
            let _ = browser.show_syncs();
        }
    }

    /// When the page is to be brought up to date.
    pub fn deadline(&self, browser: &Browser) -> Option<Instant> {
        let is_live = browser.shows_syncs() && matches!(self.shown, Shown::Overview(_));
        is_live.then(|| self.drawn_at + self.delay())
    }

    fn delay(&self) -> Duration {
        match self.has_news {
            true => NEWS_DELAY,
            false => CLOCK_DELAY,
        }
    }

    /// Follows an event.
    pub fn note(&mut self, event: &Event, browser: &mut Browser) {
        match event {
            Event::Sync(_) | Event::Network(_) => self.has_news = true,
            Event::SyncsPage(SyncsPageNews::Crashed) => browser.hide_syncs(),
            _ => {}
        }
    }

    /// Does what is to be done for the page, if it is shown.
    pub fn follow(
        &mut self,
        browser: &mut Browser,
        remote: &mut RemoteDesk,
        surfaces: &dyn SurfaceFactory,
    ) {
        if !browser.shows_syncs() {
            // Its links lead nowhere any more.
            self.actions.begin();
            self.notice = None;
            self.shown = Shown::Other;
            return;
        }
        browser.keep_syncs_in_front();
        self.note_ends();
        while let Some(asked) = browser.next_asked() {
            self.answer(asked, browser, remote, surfaces);
        }
        if self
            .deadline(browser)
            .is_some_and(|deadline| deadline <= Instant::now())
        {
            self.bring_up_to_date(browser);
        }
    }

    fn answer(
        &mut self,
        asked: Asked,
        browser: &mut Browser,
        remote: &mut RemoteDesk,
        surfaces: &dyn SurfaceFactory,
    ) {
        if asked.url.as_str() == CLOSING {
            return browser.hide_syncs();
        }
        if is_address(&asked.url) {
            self.notice = None;
        } else {
            match self.actions.follow(&asked.url) {
                Some(Offer::Ask(work)) => {
                    let document =
                        with_facts(browser, |facts| ask(&work, facts, &mut self.actions));
                    self.shown = Shown::Other;
                    return asked.answer(&headers(), document);
                }
                Some(Offer::Do(work)) => self.start(work, browser, remote, surfaces),
                None => {
                    self.notice = Some("That page was out of date. Nothing was done.".to_owned());
                }
            }
        }
        let parts = self.parts(browser);
        asked.answer(&headers(), whole(&parts));
        self.shown = Shown::Overview(parts);
    }

    fn bring_up_to_date(&mut self, browser: &Browser) {
        let parts = self.parts(browser);
        if let Shown::Overview(shown) = &self.shown
            && let Some(script) = update_script(shown, &parts)
        {
            browser.update_syncs(&script);
        }
        self.shown = Shown::Overview(parts);
    }

    fn parts(&mut self, browser: &Browser) -> Parts {
        self.has_news = false;
        self.drawn_at = Instant::now();
        let notice = self.notice.as_deref();
        with_facts(browser, |facts| overview(facts, notice, &mut self.actions))
    }

    /// What a person has confirmed.
    fn start(
        &mut self,
        work: Work,
        browser: &mut Browser,
        remote: &mut RemoteDesk,
        surfaces: &dyn SurfaceFactory,
    ) {
        match work {
            Work::Send(name) => {
                let Some(manager) = browser.sync_manager() else {
                    return;
                };
                self.notice = Some(format!("“{}” is being sent.", name.tag));
                let reply = manager.dispatch_now(name.api, &name.scope, &name.tag);
                if self.sending.len() < MAX_SENDING {
                    self.sending.push((name, reply));
                }
            }
            Work::Clear { origin } => {
                let (sender, answer) = bounded(1);
                self.notice = Some(format!("What waits of {origin} is being dropped."));
                self.clearing = Some(answer);
                let request = RemoteRequest {
                    request: Request::Clear { origin },
                    answer: sender,
                };
                remote.handle(request, browser, surfaces);
            }
        }
    }

    /// Tells how that ended which a person has started.
    fn note_ends(&mut self) {
        for (name, reply) in mem::take(&mut self.sending) {
            let end = match reply.receiver().try_recv() {
                Err(TryRecvError::Empty) => {
                    self.sending.push((name, reply));
                    continue;
                }
                Err(TryRecvError::Disconnected) => "the kiosk ends".to_owned(),
                Ok(Ok(outcome)) => tell_outcome(name.api, outcome),
                Ok(Err(DispatchError::NotRegistered)) => "it does not wait any more".to_owned(),
                Ok(Err(_)) => "it could not be sent now, and goes on waiting".to_owned(),
            };
            self.tell(format!("“{}”: {end}.", name.tag));
        }
        let cleared = self.clearing.as_ref().map(Receiver::try_recv);
        let end = match cleared {
            None | Some(Err(TryRecvError::Empty)) => return,
            Some(Ok(Answer::Done(done))) => format!("Dropped: {}.", done["removed"]),
            Some(Ok(Answer::Refused(reason))) => reason,
            Some(_) => "It could not be dropped.".to_owned(),
        };
        self.clearing = None;
        self.tell(end);
    }

    fn tell(&mut self, notice: String) {
        self.notice = Some(notice);
        self.has_news = true;
    }
}

/// Gathers what the page is made from.
fn with_facts<T>(browser: &Browser, make: impl FnOnce(&Facts<'_>) -> T) -> T {
    let manager = browser.sync_manager();
    let registrations: Vec<RegistrationInfo> = manager
        .map(BackgroundSyncManager::registrations)
        .unwrap_or_default();
    let journal: Vec<JournalEntry> = manager
        .map(|manager| {
            manager.journal(JournalQuery {
                limit: Some(JOURNAL_ENTRIES),
                ..JournalQuery::default()
            })
        })
        .unwrap_or_default();
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = since_1970.unwrap_or_default();
    make(&Facts {
        registrations: &registrations,
        journal: &journal,
        network: browser.network(),
        now: WallTime(u64::try_from(now.as_millis()).unwrap_or(u64::MAX)),
        width_px: browser.syncs_width_px(),
    })
}
