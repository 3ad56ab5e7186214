//! What a kiosk tells to whoever looks after many.

use std::net::SocketAddr;
use std::time::Instant;

use servo::BackgroundSyncManager;

use crate::browser::Browser;
use crate::config::fleet::FleetConfig;
use crate::event::Event;
use crate::fleet::endpoint;
use crate::fleet::metrics::{Metrics, Readings};
use crate::fleet::scrape::Scrape;
use crate::message::Mailbox;

/// Counts what happens, where somebody wants to know it.
pub struct FleetDesk {
    start: Instant,
    served: Option<Served>,
}

struct Served {
    address: SocketAddr,
    metrics: Metrics,
}

impl FleetDesk {
    /// As configured. Nobody needs it for what the kiosk is there for: what can't be had, it says and goes on.
    pub fn open(config: &FleetConfig, start: Instant, mailbox: &Mailbox) -> Self {
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
        Self { start, served }
    }

    /// Tells where the metrics are.
    pub fn announce(&self, browser: &Browser) {
        if let Some(served) = &self.served {
            browser.push_event(Event::MetricsServed(served.address));
        }
    }

    /// Counts an event.
    pub fn note(&mut self, event: &Event) {
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
