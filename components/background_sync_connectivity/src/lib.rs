//! Watches the machine's network interfaces and says when there is a network. For embedders whose
//! platform does not tell them; what it reports goes to `SyncManagerControl::report_connectivity` or
//! to the engine's own switch.
//!
//! ```no_run
//! use background_sync_connectivity::{Options, Watcher};
//!
//! let watcher = Watcher::start(Options::new(), |connectivity| println!("{connectivity:?}"))?;
//! println!("at the start: {:?}", watcher.connectivity_at_start());
//! # Ok::<(), background_sync_connectivity::WatchError>(())
//! ```
//!
//! **Online** means: an interface is up and has its carrier, is not the loopback, and has an address
//! that is not only link-local; preferably one with a default route ([`Rule`]). With a [`Probe`] it
//! also means that a URL of the embedder's answers as it should, so that a captive portal counts as
//! offline until somebody has signed in.
//!
//! One thread, which sleeps until the kernel says that something changed: nothing is polled, and no
//! async runtime is needed. On each change it reads links, addresses and routes anew, because the
//! kernel does not announce every consequence (the routes of an interface that goes down vanish
//! silently), and because announcements can be lost.
//!
//! Built on `netlink-packet-route`, the maintained crate below both if-watch and netwatch, and not on
//! those two: neither subscribes to changes of links, so that with a static address a pulled cable
//! goes unnoticed, and netwatch needs tokio.
//!
//! Linux only so far; elsewhere [`Watcher::start`] fails with [`WatchError::Unsupported`].

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod detector;
#[cfg(target_os = "linux")]
mod netlink;
mod network;
mod probe;
#[cfg(target_os = "linux")]
mod watcher;
#[cfg(not(target_os = "linux"))]
#[path = "watcher_unsupported.rs"]
mod watcher;

pub use background_sync_core::Connectivity;

pub use probe::{Expected, Probe};
pub use watcher::Watcher;

/// An address without a default route counts after this time, in milliseconds, where it counts at
/// all: the route normally follows the address at once.
pub const ROUTE_GRACE_MS: u64 = 3_000;

/// What counts as a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Rule {
    /// A usable address. If no default route comes with it, it counts after [`ROUTE_GRACE_MS`]: a
    /// device may live in a network that leads nowhere, with its server next door.
    #[default]
    PreferDefaultRoute,
    /// Only an interface with a usable address and a default route. For machines with interfaces that
    /// lead to containers or virtual machines.
    RequireDefaultRoute,
}

/// How to watch.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What counts as a network.
    pub rule: Rule,
    /// Whether to ask a server, too. `None`, the default: no.
    pub probe: Option<Probe>,
}

impl Options {
    /// [`Rule::PreferDefaultRoute`], no probe.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this rule.
    #[must_use]
    pub fn rule(self, rule: Rule) -> Self {
        Self { rule, ..self }
    }

    /// With this probe.
    #[must_use]
    pub fn probe(self, probe: Probe) -> Self {
        Self {
            probe: Some(probe),
            ..self
        }
    }
}

/// Why watching did not start. An embedder that goes on without it should assume that there is a
/// network, as the specification's default does.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The kernel refused the socket that tells of changes.
    #[error("cannot watch the network interfaces: {0}")]
    Kernel(#[from] std::io::Error),
    /// Only Linux is supported.
    #[error("network interfaces can be watched on Linux only")]
    Unsupported,
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
