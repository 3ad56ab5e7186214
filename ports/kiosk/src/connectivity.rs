//! Whether the machine has a network: the configuration's `[connectivity]`, and the watch that follows from it.

use background_sync_connectivity::{Options, Probe, Rule, Watcher};
use serde::Deserialize;
use url::{Host, Url};

pub use background_sync_connectivity::Connectivity;

use crate::failure::Failure;
use crate::message::{Mailbox, Message};
use crate::network_state::NetworkState;

/// The configuration's `[connectivity]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectivityConfig {
    /// Whether to watch the machine's network; without it, [`ConnectivityConfig::choose_watch`] decides.
    pub watch: Option<Watch>,
    /// What counts as a network.
    pub default_route: DefaultRoute,
    /// Asked after each change of the network; until it answers with status 204, there is none.
    pub probe_url: Option<ProbeUrl>,
}

/// Whether to watch the machine's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Watch {
    /// Follow its interfaces.
    System,
    /// There always is a network, unless a person or a program cuts it.
    None,
}

/// What counts as a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultRoute {
    /// An address; one without a default route after a moment.
    #[default]
    Preferred,
    /// An address and a default route.
    Required,
}

/// A URL that tells the network from a captive portal: `http:`, which such a portal can answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ProbeUrl(Url);

impl TryFrom<String> for ProbeUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match Url::parse(&text) {
            Ok(url) if url.scheme() == "http" => Ok(Self(url)),
            _ => Err(format!("probe_url must be an http: URL, not `{text}`")),
        }
    }
}

impl ConnectivityConfig {
    /// Whether to watch, where the configuration leaves it open: what has the machine's network does, unless the page is on
    /// this machine. What a program or a scenario drives has the network that they say.
    pub fn choose_watch(&self, has_machines_network: bool, page: Option<&Url>) -> Watch {
        let is_elsewhere = page.is_some_and(|url| !is_on_this_machine(url));
        match self.watch {
            Some(watch) => watch,
            None if has_machines_network && is_elsewhere => Watch::System,
            None => Watch::None,
        }
    }

    fn options(&self) -> Options {
        let options = Options::new().rule(match self.default_route {
            DefaultRoute::Preferred => Rule::PreferDefaultRoute,
            DefaultRoute::Required => Rule::RequireDefaultRoute,
        });
        match &self.probe_url {
            Some(url) => options.probe(Probe::new(url.0.clone())),
            None => options,
        }
    }
}

/// Whether a URL leads to this machine, so that it needs no network.
pub fn is_on_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => true,
    }
}

/// The watch of the machine's network. It ends when this is dropped.
pub struct MachineWatch {
    _watcher: Option<Watcher>,
}

impl MachineWatch {
    /// Watches, or does not. What there is and what changes is told to `network`.
    ///
    /// # Errors
    /// If the configuration asks for the watch and the machine can't be watched. A watch that nobody asked for is done
    /// without.
    pub fn start(
        config: &ConnectivityConfig,
        watch: Watch,
        network: &NetworkState,
        mailbox: Mailbox,
    ) -> Result<Self, Failure> {
        if watch == Watch::None {
            return Ok(Self { _watcher: None });
        }
        let state = network.clone();
        let report = move |connectivity| {
            state.set_machine(connectivity);
            mailbox.send(Message::NetworkChanged);
        };
        match Watcher::start(config.options(), report) {
            Ok(watcher) => {
                network.set_machine_at_start(watcher.connectivity_at_start());
                Ok(Self {
                    _watcher: Some(watcher),
                })
            }
            Err(error) if config.watch.is_some() => Err(Failure::environment(format!(
                "{error}; set `watch = \"none\"` in the configuration's [connectivity]"
            ))),
            Err(error) => {
                eprintln!("kiosk: {error}; it is taken for granted that there is a network");
                Ok(Self { _watcher: None })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().expect("a URL")
    }

    #[test]
    fn loopback_addresses_are_on_this_machine() {
        for here in [
            "http://localhost:8080/",
            "http://app.localhost/",
            "https://localhost./",
            "http://127.0.0.3/",
            "http://[::1]/",
            "file:///index.html",
            "about:blank",
        ] {
            assert!(is_on_this_machine(&url(here)), "{here}");
        }
        for elsewhere in [
            "https://app.example/",
            "http://notlocalhost/",
            "http://192.0.2.1/",
            "http://[2001:db8::1]/",
        ] {
            assert!(!is_on_this_machine(&url(elsewhere)), "{elsewhere}");
        }
    }

    #[test]
    fn a_person_s_page_elsewhere_is_reason_to_watch() {
        let app = url("https://app.example/");
        let config = ConnectivityConfig::default();
        assert_eq!(config.choose_watch(true, Some(&app)), Watch::System);
        assert_eq!(config.choose_watch(false, Some(&app)), Watch::None);
        let local = url("http://localhost/");
        assert_eq!(config.choose_watch(true, Some(&local)), Watch::None);
        assert_eq!(config.choose_watch(true, None), Watch::None);
        for watch in [Watch::System, Watch::None] {
            let config = ConnectivityConfig {
                watch: Some(watch),
                ..ConnectivityConfig::default()
            };
            assert_eq!(config.choose_watch(false, None), watch);
            assert_eq!(config.choose_watch(true, Some(&app)), watch);
        }
    }
}
