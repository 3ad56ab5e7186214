//! One round: what leads to the cut, and what is looked at after it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::app::{
    App, Mark, PAGE_PATH, WORKER_PATH, WORKER_TAG, Waiting, ask_what_waits, wait_for_all_syncs,
};
use super::medium::Medium;
use super::plan::{CutPoint, Network, Plan};
use super::report::{Promise, Report};
use super::trial::{End, Storage, Trial};
use crate::{FAST_RETRIES, Kiosk, PATIENCE};

/// A device between two rounds: its app is open, and nothing waits.
pub struct Device {
    // Dropped in this order: the kiosk uses the medium.
    kiosk: Kiosk,
    medium: Medium,
    relied: Relied,
}

/// What a `register()` that has resolved has promised.
#[derive(Default)]
struct Relied {
    /// Messages that were in IndexedDB.
    registered: BTreeSet<String>,
    /// Messages that were in `localStorage`.
    kept: BTreeSet<String>,
    /// The session, which is the number of the round that began it. A later one will do, too.
    session: Option<u32>,
}

/// A round to be played.
pub struct Round<'a> {
    pub trial: &'a Trial,
    pub plan: Plan,
    pub number: u32,
    pub app: &'a App,
}

impl Round<'_> {
    /// Plays it, on this device or a new one; returns the device if it can go on.
    pub fn play(&self, kept: Option<Device>, report: &mut Report) -> Option<Device> {
        let Device {
            mut kiosk,
            mut medium,
            mut relied,
        } = kept.unwrap_or_else(|| self.new_device());
        kiosk.forget_events();
        self.lead_to_cut(&mut kiosk);
        // A cut keeps to no event.
        thread::sleep(self.plan.delay);
        if self.trial.end == End::FlushAndPowerCut && self.plan.cut != CutPoint::LoggedIn {
            wait_for_session(&medium.profile(), self.number);
        }
        let story = medium.cut(self.trial.end, self.plan.place, kiosk);
        let told = relied.learn(&story, self.number);
        let mark = self.app.mark();

        let mut kiosk = self.start(&medium.profile(), "about:blank");
        // A page that is opened before would be replaced by this one.
        kiosk.wait_for("the empty page", |event| event["status"] == "complete");
        let restored = kiosk.wait_for_sync("restored")["count"].as_u64();
        if told && self.plan.network == Network::Offline {
            report.check(Promise::Registration, restored > Some(0), || {
                "no sync was restored".to_owned()
            });
        }
        wait_for_all_syncs(&mut kiosk);
        self.check_arrivals(&mut relied, report);
        self.app.open_in(&mut kiosk);
        let waiting = ask_what_waits(&mut kiosk);
        let opens = waiting.is_ok();
        report.check(Promise::IndexedDb, opens, || {
            format!("IndexedDB does not open: {:?}", waiting.as_ref().err())
        });
        if let Ok(waiting) = waiting {
            self.check_waiting(&waiting, &mut relied, report);
            self.check_drained(&mut kiosk, report);
        }
        self.check_cookies(&mark, &mut relied, report);
        opens.then_some(Device {
            kiosk,
            medium,
            relied,
        })
    }

    fn new_device(&self) -> Device {
        let medium = Medium::new(self.trial.end, self.plan.journal);
        let mut kiosk = self.start(&medium.profile(), &self.app.url());
        kiosk.wait_for_console("page ready");
        Device {
            kiosk,
            medium,
            relied: Relied::default(),
        }
    }

    fn start(&self, profile: &Path, url: &str) -> Kiosk {
        let builder = Kiosk::builder()
            .background_sync(FAST_RETRIES)
            .profile(profile);
        let builder = match self.trial.storage {
            Storage::Default => builder,
            Storage::Relaxed => builder.setting("storage_durability = \"relaxed\""),
        };
        builder.open(url)
    }

    fn lead_to_cut(&self, kiosk: &mut Kiosk) {
        let plan = &self.plan;
        self.app.log_in(kiosk, self.number);
        kiosk.wait_for_console(&format!("logged-in {}", self.number));
        if plan.cut == CutPoint::LoggedIn {
            return;
        }
        if plan.network == Network::Offline {
            kiosk.set_network("offline");
        }
        let messages: Vec<_> = (0..plan.messages)
            .map(|message| format!("{}-{message}", self.number))
            .collect();
        self.app.send(kiosk, &messages);
        let message = &messages[plan.of_message];
        match plan.cut {
            CutPoint::Requested => self.app.wait_for_request(message),
            CutPoint::Finished => {
                kiosk.wait_for("the end of an event", |event| {
                    event["kind"] == "finished" && event["tag"] == WORKER_TAG
                });
            }
            cut => {
                let line = cut.line().expect("the others are told by the page");
                kiosk.wait_for_console(&format!("{line} {message}"));
            }
        }
    }

    fn check_arrivals(&self, relied: &mut Relied, report: &mut Report) {
        let arrived = self.app.arrived(WORKER_PATH);
        let of_this_round = format!("{}-", self.number);
        // Those of earlier rounds have been looked at.
        for message in relied.registered.clone() {
            if message.starts_with(&of_this_round) {
                report.check(Promise::Arrival, arrived.contains(&message), || {
                    format!("message {message} was registered and did not arrive")
                });
            }
        }
    }

    fn check_waiting(&self, waiting: &Waiting, relied: &mut Relied, report: &mut Report) {
        for message in std::mem::take(&mut relied.registered) {
            let is_stuck = waiting.stored.contains(&message);
            report.check(Promise::Outbox, !is_stuck, || {
                format!("message {message} waits, and no sync is left")
            });
        }
        let arrived = self.app.arrived(PAGE_PATH);
        for message in std::mem::take(&mut relied.kept) {
            let is_there = waiting.kept.contains(&message) || arrived.contains(&message);
            report.check(Promise::LocalStorage, is_there, || {
                format!("message {message} is not in localStorage any more")
            });
        }
    }

    fn check_drained(&self, kiosk: &mut Kiosk, report: &mut Report) {
        let drained = kiosk.settle("drain()");
        wait_for_all_syncs(kiosk);
        let then = ask_what_waits(kiosk);
        self.app.open_in(kiosk);
        let later = ask_what_waits(kiosk);
        let is_empty = |waiting: &Result<Waiting, String>| {
            waiting.as_ref().is_ok_and(|waiting| waiting.is_empty())
        };
        let holds = drained.is_ok() && is_empty(&then) && is_empty(&later);
        report.check(Promise::Drained, holds, || {
            format!("the outboxes do not drain: {drained:?}, {then:?}, and later {later:?}")
        });
    }

    fn check_cookies(&self, mark: &Mark, relied: &mut Relied, report: &mut Report) {
        let Some(session) = relied.session else {
            return;
        };
        let is_late_enough = |cookies: &String| {
            let sent = cookies.strip_prefix("session=");
            let sent = sent.and_then(|sent| sent.parse::<u32>().ok());
            sent.is_some_and(|sent| sent >= session)
        };
        let cookies = self.app.cookies_since(mark);
        let holds = cookies.iter().all(is_late_enough);
        if !holds {
            // Lost once, it can't be relied on any more.
            relied.session = None;
        }
        report.check(Promise::Cookie, holds, || {
            format!("requests have the cookies {cookies:?} instead of session {session}")
        });
    }
}

/// Without the barrier, cookies are written soon after `register()`, not before: only what is written can be flushed.
fn wait_for_session(profile: &Path, session: u32) {
    let cookie = format!("session={session};");
    let is_written = || {
        let files = fs::read_dir(profile).expect("the kiosk has made it");
        let mut texts = files
            .flatten()
            .filter_map(|file| fs::read_to_string(file.path()).ok());
        texts.any(|text| text.contains(&cookie))
    };
    let deadline = Instant::now() + PATIENCE;
    while !is_written() {
        assert!(Instant::now() < deadline, "the cookie is not written");
        thread::sleep(Duration::from_millis(5));
    }
}

impl Relied {
    /// Takes from what a kiosk has told what can be relied on; returns whether a `register()` had resolved.
    fn learn(&mut self, story: &[Value], session: u32) -> bool {
        let lines = story.iter().filter(|event| event["event"] == "console");
        let lines = lines.filter_map(|event| event["text"].as_str()?.split_once(' '));
        let mut told = false;
        for (line, message) in lines {
            let list = if Some(line) == CutPoint::Registered.line() {
                &mut self.registered
            } else if Some(line) == CutPoint::PageRegistered.line() {
                &mut self.kept
            } else {
                continue;
            };
            list.insert(message.to_owned());
            self.session = Some(session);
            told = true;
        }
        told
    }
}
