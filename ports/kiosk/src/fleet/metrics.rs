//! What Prometheus collects. Nothing in it is chosen by a page: no tag, no address, no origin.

use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use servo::background_sync::RegistrationInfo;

use super::process;
use super::sync_metrics::SyncMetrics;
use crate::event::{Event, Network};
use crate::unattended_event::{UnattendedEvent, WindowKind};

/// The media type of the text.
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

const NETWORKS: [Network; 3] = [Network::Up, Network::Cut, Network::Absent];

/// A name and a value.
type Label = (&'static str, &'static str);

/// All that is counted.
pub struct Metrics {
    registry: Registry,
    sync: SyncMetrics,
    kiosk: KioskMetrics,
}

/// What is counted of pages and of the kiosk itself.
#[derive(Default)]
struct KioskMetrics {
    page_crashes: Family<[Label; 1], Counter>,
    load_failures: Counter,
    page_recoveries: Counter,
    navigations_blocked: Counter,
    visits_ended: Counter,
    network: Family<[Label; 1], Gauge>,
    uptime: Gauge<f64, AtomicU64>,
    resident: Gauge<u64, AtomicU64>,
}

/// What is measured when somebody asks.
pub struct Readings<'a> {
    /// What is registered.
    pub registrations: &'a [RegistrationInfo],
    /// Whether content reaches the network.
    pub network: Network,
    /// Since the kiosk was started, or has restarted itself.
    pub uptime: Duration,
}

impl Metrics {
    /// All at zero.
    pub fn new(uptime: Duration) -> Self {
        let mut registry = Registry::default();
        let of_kiosk = registry.sub_registry_with_prefix("kiosk");
        let sync = SyncMetrics::new(of_kiosk.sub_registry_with_prefix("sync"));
        let kiosk = KioskMetrics::default();
        kiosk.register(of_kiosk);
        kiosk.begin_at_zero();
        kiosk.register_of_process(registry.sub_registry_with_prefix("process"), uptime);
        Self {
            registry,
            sync,
            kiosk,
        }
    }

    /// Counts an event.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Sync(notice) => self.sync.note(notice),
            Event::Crashed(window, _) => {
                let window = ("window", window.name());
                self.kiosk.page_crashes.get_or_create(&[window]).inc();
            }
            Event::Unattended(UnattendedEvent::LoadFailed { .. }) => {
                self.kiosk.load_failures.inc();
            }
            Event::Unattended(UnattendedEvent::ReloadPlanned { .. }) => {
                self.kiosk.page_recoveries.inc();
            }
            Event::Unattended(UnattendedEvent::NavigationBlocked { .. }) => {
                self.kiosk.navigations_blocked.inc();
            }
            Event::Unattended(UnattendedEvent::VisitEnded) => {
                self.kiosk.visits_ended.inc();
            }
            _ => {}
        }
    }

    /// The text for Prometheus.
    pub fn text(&self, readings: &Readings<'_>) -> String {
        self.sync.measure(readings.registrations);
        for network in NETWORKS {
            self.kiosk
                .network
                .get_or_create(&[("state", network.name())])
                .set(i64::from(network == readings.network));
        }
        self.kiosk.uptime.set(readings.uptime.as_secs_f64());
        self.kiosk
            .resident
            .set(process::resident_bytes().unwrap_or(0));
        let mut text = String::new();
        // Never fails: a text grows.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }
}

impl KioskMetrics {
    fn register(&self, kiosk: &mut Registry) {
        kiosk.register(
            "build",
            "Which kiosk this is",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        kiosk.register(
            "page_crashes",
            "Pages that crashed",
            self.page_crashes.clone(),
        );
        for (name, help, counter) in [
            (
                "page_load_failures",
                "Pages that could not be loaded",
                &self.load_failures,
            ),
            (
                "page_recoveries",
                "How often a page that crashed or could not be loaded was put down to be loaded again",
                &self.page_recoveries,
            ),
            (
                "navigations_blocked",
                "Pages that were not shown because their origin is not allowed",
                &self.navigations_blocked,
            ),
            (
                "visits_ended",
                "How often the start page has returned because nobody touched the kiosk",
                &self.visits_ended,
            ),
        ] {
            kiosk.register(name, help, counter.clone());
        }
        kiosk.register(
            "network_state",
            "1 for the state that the network is in, 0 for the others",
            self.network.clone(),
        );
        kiosk.register_with_unit(
            "uptime",
            "How long the kiosk has been running, since it was started or has restarted itself",
            Unit::Seconds,
            self.uptime.clone(),
        );
    }

    /// By the names that all programs have for Prometheus.
    fn register_of_process(&self, process: &mut Registry, uptime: Duration) {
        process.register_with_unit(
            "resident_memory",
            "Resident memory size",
            Unit::Bytes,
            self.resident.clone(),
        );
        let start = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .saturating_sub(uptime);
        let started = Gauge::<f64, AtomicU64>::default();
        started.set(start.as_secs_f64());
        process.register_with_unit(
            "start_time",
            "Start time of the kiosk, by the wall clock",
            Unit::Seconds,
            started,
        );
    }

    fn begin_at_zero(&self) {
        for window in [WindowKind::Page, WindowKind::Auxiliary] {
            let window = ("window", window.name());
            self.page_crashes.get_or_create_owned(&[window]);
        }
    }
}
