//! A manager of units in a test's hands: it takes transient timers as systemd does, and starts nothing.
//!
//! <https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.systemd1.html>

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zbus::{ObjectPath, OwnedObjectPath, OwnedVariant};

use crate::session_bus::{BusService, SessionBus};

const NAME: &str = "org.freedesktop.systemd1";
const PATH: &str = "/org/freedesktop/systemd1";

/// What `ExecStart` is: the program, its words, and whether its failure is nothing.
pub type ExecStart = Vec<(String, Vec<String>, bool)>;

/// A timer that was asked for, and what it starts.
#[derive(Debug)]
pub struct Timer {
    /// Its properties.
    pub properties: HashMap<String, OwnedVariant>,
    /// The name of what it starts.
    pub service: String,
    /// The properties of that.
    pub service_properties: HashMap<String, OwnedVariant>,
}

type Timers = Arc<Mutex<HashMap<String, Timer>>>;

/// The manager. It leaves its bus when this is dropped.
pub struct Systemd {
    timers: Timers,
    _service: BusService,
}

impl Systemd {
    /// Starts it on a bus.
    ///
    /// # Panics
    /// If the bus has one already.
    pub fn start(bus: &SessionBus) -> Self {
        let timers = Timers::default();
        let manager = Manager {
            timers: timers.clone(),
        };
        Self {
            timers,
            _service: BusService::start(bus, NAME, PATH, manager),
        }
    }

    /// The timers that there are.
    pub fn timers(&self) -> MutexGuard<'_, HashMap<String, Timer>> {
        lock(&self.timers)
    }
}

struct Manager {
    timers: Timers,
}

/// As the bus carries properties.
type Properties = Vec<(String, OwnedVariant)>;

/// What is told of a unit.
type Listed = (
    String,
    String,
    String,
    String,
    String,
    String,
    OwnedObjectPath,
    u32,
    String,
    OwnedObjectPath,
);

#[zbus::interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    fn start_transient_unit(
        &self,
        name: String,
        mode: String,
        properties: Properties,
        auxiliary: Vec<(String, Properties)>,
    ) -> OwnedObjectPath {
        assert_eq!(mode, "fail");
        let mut auxiliary = auxiliary.into_iter();
        let (service, service_properties) = auxiliary.next().expect("what it starts");
        let timer = Timer {
            properties: properties.into_iter().collect(),
            service,
            service_properties: service_properties.into_iter().collect(),
        };
        let replaced = lock(&self.timers).insert(name, timer);
        assert!(replaced.is_none(), "a unit of that name is there already");
        job()
    }

    fn stop_unit(&self, name: String, mode: String) -> OwnedObjectPath {
        assert_eq!(mode, "replace");
        assert!(lock(&self.timers).remove(&name).is_some(), "no unit {name}");
        job()
    }

    fn list_units_by_patterns(&self, states: Vec<String>, patterns: Vec<String>) -> Vec<Listed> {
        assert!(states.is_empty());
        let [pattern] = &patterns[..] else {
            panic!("one pattern: {patterns:?}");
        };
        let (start, end) = pattern.split_once('*').expect("a pattern");
        let timers = lock(&self.timers);
        let names = timers
            .keys()
            .filter(|name| name.starts_with(start) && name.ends_with(end));
        let text = String::new;
        names
            .map(|name| {
                (
                    name.clone(),
                    text(),
                    "loaded".to_owned(),
                    "active".to_owned(),
                    "waiting".to_owned(),
                    text(),
                    job(),
                    0,
                    text(),
                    job(),
                )
            })
            .collect()
    }
}

fn lock(timers: &Timers) -> MutexGuard<'_, HashMap<String, Timer>> {
    timers.lock().unwrap_or_else(PoisonError::into_inner)
}

fn job() -> OwnedObjectPath {
    ObjectPath::from_static_str_unchecked("/org/freedesktop/systemd1/job/1").into()
}
