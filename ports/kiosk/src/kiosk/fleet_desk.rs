//! What a kiosk tells to whoever looks after many.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use log::Level;
use servo::BackgroundSyncManager;

use crate::browser::Browser;
use crate::browser::background_sync::StorageLifetime;
use crate::config::fleet::FleetConfig;
use crate::event::Event;
use crate::fleet::endpoint;
use crate::fleet::event_line::event_line;
use crate::fleet::event_log::EventLog;
use crate::fleet::metrics::{Metrics, Readings};
use crate::fleet::next_start::next_start;
use crate::fleet::next_sync_file::NextSyncFile;
use crate::fleet::scrape::Scrape;
use crate::fleet::traces::Traces;
use crate::fleet::waker::Waker;
use crate::message::Mailbox;
use crate::output::Output;
use crate::profile::Profile;
use crate::sync_report::in_words::ahead;

/// Counts what happens, where somebody wants to know it.
pub struct FleetDesk {
    start: Instant,
    log: EventLog,
    served: Option<Served>,
    traces: Option<Traces>,
    waker: Option<Waker>,
}

/// What a collector of traces may take to take the last ones, at the kiosk's end.
const TRACE_PATIENCE: Duration = Duration::from_secs(2);

struct Served {
    address: SocketAddr,
    metrics: Metrics,
}

impl FleetDesk {
    /// As configured. Nobody needs it for what the kiosk is there for: what can't be had, it says and goes on.
    pub fn open(
        config: &FleetConfig,
        profile: &Profile,
        output: &Output,
        start: Instant,
        mailbox: &Mailbox,
    ) -> Self {
        // What else is shown on standard output is told there.
        let is_for_a_person = matches!(output, Output::Plain | Output::Silent);
        let served = config.metrics_listen.and_then(|address| {
            let address = endpoint::serve(address, mailbox.clone())
                .inspect_err(|error| {
                    eprintln!("kiosk: no metrics are served at {address}: {error}");
                })
                .ok()?;
            Some(Served {
                address,
                metrics: Metrics::new(start.elapsed()),
            })
        });
        let traces = config.traces.as_ref().and_then(|settings| {
            Traces::start(settings)
                .inspect_err(|error| eprintln!("kiosk: no traces are sent: {error}"))
                .ok()
        });
        let waker = waker(config, profile).unwrap_or_else(|reason| {
            eprintln!("kiosk: nobody will be told of the next sync: {reason}");
            None
        });
        Self {
            waker,
            start,
            log: EventLog::new(config.log_level, is_for_a_person),
            served,
            traces,
        }
    }

    /// Tells where the metrics are.
    pub fn announce(&self, browser: &Browser) {
        if let Some(served) = &self.served {
            browser.push_event(Event::MetricsServed(served.address));
        }
    }

    /// Counts and tells an event.
    pub fn note(&mut self, event: &Event) {
        if !self.log.is_off()
            && let Some(line) = event_line(event)
        {
            self.log.say(line.level, line.target, &line.text);
        }
        if let Some(traces) = &mut self.traces {
            traces.note(event);
        }
        if let Some(served) = &mut self.served {
            served.metrics.note(event);
        }
    }

    /// Answers a program that collects the metrics.
    pub fn answer(&self, scrape: Scrape, browser: &Browser) {
        let Some(served) = &self.served else { return };
        let manager = browser.sync_manager();
        let registrations = manager.map(BackgroundSyncManager::registrations);
        let text = served.metrics.text(&Readings {
            registrations: &registrations.unwrap_or_default(),
            network: browser.network(),
            uptime: self.start.elapsed(),
        });
        // Whoever does not wait any more has hung up.
        let _ = scrape.answer.send(text);
    }
}

impl FleetDesk {
    /// The kiosk ends: what waits to be sent is left to the system, if that is wanted and can be.
    pub fn hand_over(&self, browser: &Browser) {
        let (Some(waker), Some(manager)) = (&self.waker, browser.sync_manager()) else {
            return;
        };
        let next = next_start(&manager.registrations());
        let (level, line) = match (waker.hand_over(next), next) {
            (Ok(Some(starter)), Some(next)) => {
                let ahead = ahead(u64::try_from(next.as_millis()).unwrap_or(u64::MAX));
                (
                    Level::Info,
                    format!("the next sync is started {ahead} by {starter}"),
                )
            }
            (Ok(_), _) => (Level::Info, "nothing is to be started for".to_owned()),
            (Err(reason), Some(_)) => (
                Level::Warn,
                format!("the next sync waits until a kiosk is started: {reason}"),
            ),
            // There may be no systemd, and it is not needed.
            (Err(reason), None) => (Level::Debug, reason),
        };
        self.log.say(level, "wake", &line);
    }
}

fn waker(config: &FleetConfig, profile: &Profile) -> Result<Option<Waker>, String> {
    // Whatever is configured now: what another kiosk has left there does not hold any more.
    let file = config
        .next_sync_file
        .as_deref()
        .map(|path| {
            NextSyncFile::take_over(path).map_err(|error| format!("{}: {error}", path.display()))
        })
        .transpose()?;
    match profile.lifetime() {
        StorageLifetime::Profile => Waker::new(config.wake, file, profile.path()),
        // Nothing waits to be sent once it is gone.
        StorageLifetime::Run => Ok(None),
    }
}

impl Drop for FleetDesk {
    fn drop(&mut self) {
        if let Some(traces) = self.traces.take() {
            traces.finish(TRACE_PATIENCE);
        }
    }
}
