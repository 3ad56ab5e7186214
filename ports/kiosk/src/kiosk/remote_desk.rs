//! Answers what operators ask over the control socket, on the main thread: what is there at once, and whatever takes longer
//! is left to their connections.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Sender, TrySendError, bounded};
use serde_json::{Value, json};
use servo::BackgroundSyncManager;
use servo::background_sync::{JournalEntry, JournalQuery, RegistrationInfo, WallTime};
use url::Url;

use super::plan::Operators;
use crate::browser::Browser;
use crate::browser::surface::SurfaceFactory;
use crate::event::Requester;
use crate::message::{Mailbox, Message};
use crate::permissions::OriginUrl;
use crate::profile::Profile;
use crate::remote::answer::{Answer, Following};
use crate::remote::protocol::{Request, Selection, Status};
use crate::remote::request::RemoteRequest;
use crate::remote::server::RemoteControl;
use crate::sync_report::api::api_name;
use crate::sync_report::reason;
use crate::sync_report::rows::{MAX_ANSWERS, Name, WhyRow, names_in};

/// Entries of the journal that a follower may be behind. One that is slower is left behind.
const MAX_FOLLOWER_LAG: usize = 4_096;

/// Entries that are looked at first when something has happened.
const FEW_ENTRIES: usize = 64;

/// Registrations that are removed, durably each, before the page gets its turn again.
const REMOVALS_AT_ONCE: usize = 8;

/// For messages.
const IS_OFF: &str = "background sync is off in this kiosk";

/// Answers operators.
pub struct RemoteDesk {
    control: Option<RemoteControl>,
    profile: PathBuf,
    start: Instant,
    mailbox: Mailbox,
    followers: Vec<Follower>,
    has_news: bool,
    clearings: VecDeque<Clearing>,
}

/// Somebody who reads what is added to the journal.
struct Follower {
    entries: Sender<JournalEntry>,
    reader: Weak<()>,
    /// What was sent last: its sequence, and how often it had happened.
    last: Option<(u64, u32)>,
}

/// Registrations on their way out.
struct Clearing {
    left: Vec<RegistrationInfo>,
    removed: u64,
    answer: Sender<Answer>,
}

impl RemoteDesk {
    /// Answers what comes from now on. Nobody needs it for what the kiosk is there for: if there can be no socket, it says so
    /// and goes on.
    pub fn open(
        operators: Operators,
        profile: &Profile,
        start: Instant,
        mailbox: &Mailbox,
    ) -> Self {
        let folder = profile.path();
        let control = match operators {
            Operators::BySocket => RemoteControl::start(folder, mailbox.clone())
                .inspect_err(|error| {
                    eprintln!(
                        "kiosk: no control socket in {}, so `kiosk syncs` and others can't ask this kiosk: {error}",
                        folder.display()
                    );
                })
                .ok(),
            Operators::None => None,
        };
        Self {
            control,
            profile: folder.to_owned(),
            start,
            mailbox: mailbox.clone(),
            followers: Vec::new(),
            has_news: false,
            clearings: VecDeque::new(),
        }
    }

    /// Follows a request.
    pub fn handle(
        &mut self,
        RemoteRequest { request, answer }: RemoteRequest,
        browser: &mut Browser,
        surfaces: &dyn SurfaceFactory,
    ) {
        let result = match request {
            Request::Clear { origin } => match self.begin_clearing(browser, origin, answer.clone())
            {
                Ok(()) => return,
                Err(reason) => Err(reason),
            },
            Request::Status => Ok(self.status(browser)),
            Request::Syncs => manager(browser).map(|it| Answer::Syncs(it.registrations())),
            Request::Why(selection) => why(browser, &selection),
            Request::Dispatch(selection) => dispatch(browser, &selection),
            Request::Journal { limit } => journal(browser, limit).map(Answer::Journal),
            Request::FollowJournal { limit } => self.add_follower(browser, limit),
            Request::Screenshot => draw(browser),
            Request::Reload => reload(browser),
            Request::Open { url } => open(browser, &url, surfaces),
        };
        // Whoever does not wait any more has hung up.
        let _ = answer.send(result.unwrap_or_else(Answer::Refused));
    }

    /// Something has happened to registrations.
    pub fn note_news(&mut self) {
        self.has_news = true;
    }

    /// Sends what has happened to whoever follows the journal.
    pub fn tell_followers(&mut self, browser: &Browser) {
        if !std::mem::take(&mut self.has_news) || self.followers.is_empty() {
            return;
        }
        let Ok(manager) = manager(browser) else {
            return;
        };
        let behind = self.followers.iter().map(|follower| follower.last).min();
        let entries = entries_since(manager, behind.flatten());
        self.followers
            .retain_mut(|follower| follower.send(&entries));
    }

    /// Removes some of what is to be removed.
    pub fn go_on(&mut self, browser: &Browser) {
        let Some(mut clearing) = self.clearings.pop_front() else {
            return;
        };
        match clearing.remove_some(browser) {
            Ok(()) if clearing.left.is_empty() => {
                let done = json!({"removed": clearing.removed});
                let _ = clearing.answer.send(Answer::Done(done));
            }
            Ok(()) => self.clearings.push_back(clearing),
            Err(reason) => {
                let _ = clearing.answer.send(Answer::Refused(reason));
            }
        }
        if !self.clearings.is_empty() {
            self.mailbox.send(Message::RemoteGoesOn);
        }
    }

    fn begin_clearing(
        &mut self,
        browser: &Browser,
        origin: String,
        answer: Sender<Answer>,
    ) -> Result<(), String> {
        let origin = OriginUrl::try_from(origin)?.url().origin();
        let origin = origin.ascii_serialization();
        let mut left = manager(browser)?.registrations();
        left.retain(|registration| registration.scope.origin.as_str() == origin);
        let is_first = self.clearings.is_empty();
        self.clearings.push_back(Clearing {
            left,
            removed: 0,
            answer,
        });
        if is_first {
            self.mailbox.send(Message::RemoteGoesOn);
        }
        Ok(())
    }

    fn add_follower(&mut self, browser: &Browser, limit: Option<usize>) -> Result<Answer, String> {
        let entries = journal(browser, None)?;
        let (sender, receiver) = bounded(MAX_FOLLOWER_LAG);
        let reader = Arc::new(());
        self.followers
            .retain(|follower| follower.reader.strong_count() > 0);
        self.followers.push(Follower {
            entries: sender,
            reader: Arc::downgrade(&reader),
            last: entries.last().map(position),
        });
        let shown = limit.unwrap_or(usize::MAX).min(entries.len());
        let entries = entries[entries.len() - shown..].to_vec();
        let following = Following {
            entries: receiver,
            _reader: reader,
        };
        Ok(Answer::FollowedJournal(entries, following))
    }

    fn status(&self, browser: &Browser) -> Answer {
        let manager = browser.sync_manager();
        let next_wakeup = manager.and_then(BackgroundSyncManager::next_wakeup);
        let syncs = manager.map_or(0, |manager| manager.registrations().len());
        let connections = self.control.as_ref().map_or(0, RemoteControl::accepted);
        Answer::Done(json!(Status {
            running: true,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: process::id(),
            uptime_ms: as_ms(self.start.elapsed()),
            profile: self.profile.display().to_string(),
            url: browser.address().map(String::from),
            network: browser.network().name().to_owned(),
            syncs: u64::try_from(syncs).unwrap_or(u64::MAX),
            next_wakeup_in_ms: next_wakeup.map(as_ms),
            connections,
        }))
    }
}

impl Follower {
    /// Returns whether it still follows.
    fn send(&mut self, entries: &[JournalEntry]) -> bool {
        let sent = self.last;
        let news = entries.iter();
        for entry in news.filter(|entry| Some(position(entry)) > sent) {
            match self.entries.try_send(entry.clone()) {
                Ok(()) => self.last = Some(position(entry)),
                // Its connection tells it that it has ended.
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => return false,
            }
        }
        true
    }
}

impl Clearing {
    fn remove_some(&mut self, browser: &Browser) -> Result<(), String> {
        let manager = manager(browser)?;
        for _ in 0..REMOVALS_AT_ONCE {
            let Some(next) = self.left.pop() else { break };
            match manager.unregister(next.api, &next.scope, &next.tag) {
                Ok(count) => self.removed += count,
                Err(error) => {
                    return Err(format!(
                        "{} were removed, and {} were not: {error}",
                        self.removed,
                        self.left.len() + 1
                    ));
                }
            }
        }
        Ok(())
    }
}

/// An entry's place in the journal; grows also when it happens again.
fn position(entry: &JournalEntry) -> (u64, u32) {
    (entry.sequence, entry.times)
}

/// At least all entries that came, or happened again, after this place.
fn entries_since(manager: &BackgroundSyncManager, after: Option<(u64, u32)>) -> Vec<JournalEntry> {
    let few = manager.journal(JournalQuery {
        limit: Some(FEW_ENTRIES),
        ..JournalQuery::default()
    });
    let reaches_back = few.len() < FEW_ENTRIES || few.first().map(position) <= after;
    match reaches_back {
        true => few,
        false => manager.journal(JournalQuery::default()),
    }
}

fn manager(browser: &Browser) -> Result<&BackgroundSyncManager, String> {
    browser.sync_manager().ok_or_else(|| IS_OFF.to_owned())
}

fn journal(browser: &Browser, limit: Option<usize>) -> Result<Vec<JournalEntry>, String> {
    Ok(manager(browser)?.journal(JournalQuery {
        limit,
        ..JournalQuery::default()
    }))
}

/// What is registered and meant, so many as are answered at most.
fn registered(manager: &BackgroundSyncManager, selection: &Selection) -> Vec<Name> {
    let registrations = manager.registrations().into_iter();
    registrations
        .filter(|it| selection.chooses(it.api, &it.scope, &it.tag))
        .take(MAX_ANSWERS)
        .map(|it| Name {
            api: it.api,
            scope: it.scope,
            tag: it.tag,
        })
        .collect()
}

fn why(browser: &Browser, selection: &Selection) -> Result<Answer, String> {
    let manager = manager(browser)?;
    let mut names = registered(manager, selection);
    let is_registered = !names.is_empty();
    if !is_registered {
        let journal = manager.journal(JournalQuery::default());
        names = names_in(&journal, |name| {
            selection.chooses(name.api, &name.scope, &name.tag)
        });
    }
    let now = WallTime(as_ms(
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default(),
    ));
    let rows = names.iter().filter_map(|name| {
        let report = manager.why_not_fired(name.api, &name.scope, &name.tag)?;
        let why = is_registered.then(|| reason::of_running(name.api, &report.why));
        Some(WhyRow::new(name, why, &report.history, now))
    });
    Ok(Answer::Why(rows.collect()))
}

fn dispatch(browser: &Browser, selection: &Selection) -> Result<Answer, String> {
    let manager = manager(browser)?;
    match &registered(manager, selection)[..] {
        [] => Err(format!(
            "nothing with the name `{}` waits to be sent",
            selection.tag
        )),
        [name] => {
            let reply = manager.dispatch_now(name.api, &name.scope, &name.tag);
            Ok(Answer::Dispatched(name.api, reply))
        }
        several => {
            let described = several.iter().map(|name| {
                let api = api_name(name.api);
                format!("--api {api} --scope {}", name.scope)
            });
            Err(format!(
                "{} things have the name `{}`; choose one with {}",
                several.len(),
                selection.tag,
                described.collect::<Vec<_>>().join(", or ")
            ))
        }
    }
}

fn draw(browser: &Browser) -> Result<Answer, String> {
    let (sender, picture) = bounded(1);
    browser.draw(move |picture| {
        // Whoever does not wait any more has hung up.
        let _ = sender.send(picture);
    })?;
    Ok(Answer::Picture(picture))
}

fn reload(browser: &mut Browser) -> Result<Answer, String> {
    if browser.page().is_none() {
        return Err("no window is open; `kiosk open URL` opens one".to_owned());
    }
    browser.reload(Requester::Person);
    Ok(Answer::Done(Value::Null))
}

fn open(browser: &mut Browser, url: &str, surfaces: &dyn SurfaceFactory) -> Result<Answer, String> {
    let url = Url::parse(url).map_err(|error| format!("`{url}` is not a URL: {error}"))?;
    if !browser.allows_page(&url) {
        return Err(format!(
            "`{url}` may not be shown: the configuration's `allowed_origins` do not name its origin"
        ));
    }
    let opened = browser.open(url, surfaces);
    opened.map_err(|failure| failure.to_string())?;
    Ok(Answer::Done(Value::Null))
}

fn as_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
