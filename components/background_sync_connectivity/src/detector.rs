//! Decides what is reported. No clock, no I/O: events and the time come in as arguments of
//! `handle_*`, decisions go out through `poll_*`.

use std::collections::VecDeque;

use background_sync_core::Connectivity;

use crate::network::{Network, Reach};
use crate::{ROUTE_GRACE_MS, Rule};

/// After a probe without success, the next one comes after this time, in milliseconds.
const FIRST_PROBE_DELAY_MS: u64 = 5_000;
/// Each further delay is twice as long, up to this, in milliseconds.
const LONGEST_PROBE_DELAY_MS: u64 = 300_000;

/// Milliseconds since some start.
pub(crate) type Ms = u64;

/// Numbers a probe, so that an answer about a network that is gone is not mistaken for a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProbeNumber(pub u64);

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// The server answered as it should.
    Server,
    /// Somebody else did, or nobody.
    SomethingElse,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Report(Connectivity),
    /// Ask the server, and report back with [`Detector::handle_probed`].
    Probe(ProbeNumber),
}

/// Whether servers are asked at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Probing {
    On,
    Off,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Nothing,
    /// A default route may still follow the address.
    Route {
        until: Ms,
    },
    Answer(ProbeNumber, Attempt),
    /// The server did not answer as it should.
    NextProbe {
        at: Ms,
        attempt: Attempt,
    },
}

/// How often the server has been asked since the network changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attempt(u32);

#[derive(Debug)]
pub(crate) struct Detector {
    rule: Rule,
    probing: Probing,
    network: Network,
    wait: Wait,
    connectivity: Connectivity,
    next_probe: u64,
    outputs: VecDeque<Output>,
}

impl Detector {
    /// `network` is how it is at the start; what has no default route then is not waited for.
    pub fn new(rule: Rule, probing: Probing, network: Network) -> Self {
        let mut detector = Self {
            rule,
            probing,
            wait: Wait::Nothing,
            connectivity: Connectivity::Offline,
            next_probe: 1,
            outputs: VecDeque::new(),
            network,
        };
        if detector.counts() {
            detector.network_is_there();
        }
        detector
    }

    /// What was reported last.
    pub fn connectivity(&self) -> Connectivity {
        self.connectivity
    }

    /// The network may have changed.
    pub fn handle_network(&mut self, now: Ms, network: Network) {
        if network == self.network {
            return;
        }
        self.network = network;
        match self.network.reach() {
            Reach::Nowhere => self.network_is_gone(),
            Reach::Further => self.network_is_there(),
            Reach::Neighbours if !self.counts() => self.network_is_gone(),
            Reach::Neighbours if self.connectivity == Connectivity::Online => {
                self.network_is_there();
            }
            Reach::Neighbours => {
                let until = match self.wait {
                    Wait::Route { until } => until,
                    _ => now.saturating_add(ROUTE_GRACE_MS),
                };
                self.wait = Wait::Route { until };
            }
        }
    }

    /// The answer to [`Output::Probe`].
    pub fn handle_probed(&mut self, now: Ms, number: ProbeNumber, reached: Reached) {
        let attempt = match self.wait {
            Wait::Answer(waited_for, attempt) if waited_for == number => attempt,
            _ => return,
        };
        match reached {
            Reached::Server => {
                self.wait = Wait::Nothing;
                self.report(Connectivity::Online);
            }
            Reached::SomethingElse => {
                let delay_ms = FIRST_PROBE_DELAY_MS
                    .saturating_mul(1 << attempt.0.min(16))
                    .min(LONGEST_PROBE_DELAY_MS);
                self.wait = Wait::NextProbe {
                    at: now.saturating_add(delay_ms),
                    attempt: Attempt(attempt.0.saturating_add(1)),
                };
                self.report(Connectivity::Offline);
            }
        }
    }

    /// Does what is due. Harmless when nothing is.
    pub fn handle_timeout(&mut self, now: Ms) {
        match self.wait {
            Wait::Route { until } if until <= now => self.network_is_there(),
            Wait::NextProbe { at, attempt } if at <= now => self.ask(attempt),
            _ => {}
        }
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Detector::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Ms> {
        match self.wait {
            Wait::Route { until } => Some(until),
            Wait::NextProbe { at, .. } => Some(at),
            Wait::Nothing | Wait::Answer(..) => None,
        }
    }

    /// Whether the network is one by the rule, sooner or later.
    fn counts(&self) -> bool {
        match (self.network.reach(), self.rule) {
            (Reach::Nowhere, _) | (Reach::Neighbours, Rule::RequireDefaultRoute) => false,
            (Reach::Neighbours, Rule::PreferDefaultRoute) | (Reach::Further, _) => true,
        }
    }

    fn network_is_gone(&mut self) {
        self.wait = Wait::Nothing;
        self.report(Connectivity::Offline);
    }

    /// There is a network, or another one: the server is asked again, if at all. Until its answer,
    /// what was reported stands.
    fn network_is_there(&mut self) {
        match self.probing {
            Probing::Off => {
                self.wait = Wait::Nothing;
                self.report(Connectivity::Online);
            }
            Probing::On => self.ask(Attempt(0)),
        }
    }

    fn ask(&mut self, attempt: Attempt) {
        let number = ProbeNumber(self.next_probe);
        self.next_probe += 1;
        self.wait = Wait::Answer(number, attempt);
        self.outputs.push_back(Output::Probe(number));
    }

    fn report(&mut self, connectivity: Connectivity) {
        if connectivity != self.connectivity {
            self.connectivity = connectivity;
            self.outputs.push_back(Output::Report(connectivity));
        }
    }
}

#[cfg(test)]
mod tests {
    use Connectivity::{Offline, Online};

    use super::*;
    use crate::network::tests::network;

    fn nowhere() -> Network {
        network(&[], None)
    }

    fn neighbours() -> Network {
        network(&["192.0.2.7"], None)
    }

    fn further() -> Network {
        network(&["192.0.2.7"], Some("192.0.2.1"))
    }

    fn elsewhere() -> Network {
        network(&["198.51.100.7"], Some("198.51.100.1"))
    }

    fn detector(rule: Rule, probing: Probing) -> Detector {
        Detector::new(rule, probing, nowhere())
    }

    fn outputs(detector: &mut Detector) -> Vec<Output> {
        std::iter::from_fn(|| detector.poll_output()).collect()
    }

    #[test]
    fn a_default_route_counts_at_once_and_only_changes_are_reported() {
        let mut detector = detector(Rule::default(), Probing::Off);
        detector.handle_network(0, further());
        detector.handle_network(1, elsewhere());
        assert_eq!(outputs(&mut detector), [Output::Report(Online)]);
        detector.handle_network(2, nowhere());
        assert_eq!(outputs(&mut detector), [Output::Report(Offline)]);
        assert_eq!(detector.poll_timeout(), None);
    }

    #[test]
    fn an_address_without_a_route_counts_after_a_grace_that_changes_do_not_prolong() {
        let mut detector = detector(Rule::default(), Probing::Off);
        detector.handle_network(10, neighbours());
        let until = 10 + ROUTE_GRACE_MS;
        assert_eq!(detector.poll_timeout(), Some(until));
        detector.handle_network(20, network(&["192.0.2.8"], None));
        detector.handle_timeout(until - 1);
        assert_eq!(outputs(&mut detector), []);
        detector.handle_timeout(until);
        assert_eq!(outputs(&mut detector), [Output::Report(Online)]);
    }

    #[test]
    fn a_route_that_follows_the_address_counts_at_once() {
        let mut detector = detector(Rule::default(), Probing::Off);
        detector.handle_network(0, neighbours());
        detector.handle_network(5, further());
        assert_eq!(outputs(&mut detector), [Output::Report(Online)]);
        assert_eq!(detector.poll_timeout(), None);
    }

    #[test]
    fn a_network_that_loses_its_route_stays_one_if_neighbours_count() {
        let mut lenient = detector(Rule::PreferDefaultRoute, Probing::Off);
        lenient.handle_network(0, further());
        lenient.handle_network(1, neighbours());
        assert_eq!(outputs(&mut lenient), [Output::Report(Online)]);
        let mut strict = detector(Rule::RequireDefaultRoute, Probing::Off);
        strict.handle_network(0, further());
        strict.handle_network(1, neighbours());
        let reports = [Output::Report(Online), Output::Report(Offline)];
        assert_eq!(outputs(&mut strict), reports);
        assert_eq!(strict.poll_timeout(), None);
    }

    #[test]
    fn at_the_start_nothing_is_waited_for() {
        let mut detector = Detector::new(Rule::default(), Probing::Off, neighbours());
        assert_eq!(detector.connectivity(), Online);
        assert_eq!(outputs(&mut detector), [Output::Report(Online)]);
    }

    #[test]
    fn with_a_probe_a_network_counts_once_the_server_was_reached() {
        let mut detector = detector(Rule::default(), Probing::On);
        detector.handle_network(0, further());
        assert_eq!(outputs(&mut detector), [Output::Probe(ProbeNumber(1))]);
        detector.handle_probed(9, ProbeNumber(1), Reached::Server);
        assert_eq!(outputs(&mut detector), [Output::Report(Online)]);
        assert_eq!(detector.poll_timeout(), None, "it is not asked again");
    }

    #[test]
    fn behind_a_portal_the_server_is_asked_ever_more_rarely() {
        let mut detector = detector(Rule::default(), Probing::On);
        detector.handle_network(0, further());
        let mut now = 0;
        let mut delays = Vec::new();
        for number in 1..=9 {
            assert_eq!(outputs(&mut detector), [Output::Probe(ProbeNumber(number))]);
            detector.handle_probed(now, ProbeNumber(number), Reached::SomethingElse);
            let at = detector.poll_timeout().expect("another probe");
            delays.push((at - now) / 1_000);
            detector.handle_timeout(at - 1);
            assert_eq!(outputs(&mut detector), []);
            now = at;
            detector.handle_timeout(now);
        }
        assert_eq!(delays, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        detector.handle_probed(now, ProbeNumber(10), Reached::Server);
        let last = outputs(&mut detector);
        assert_eq!(last.last(), Some(&Output::Report(Online)));
    }

    #[test]
    fn another_network_is_probed_and_until_then_what_was_said_stands() {
        let mut detector = detector(Rule::default(), Probing::On);
        detector.handle_network(0, further());
        detector.handle_probed(1, ProbeNumber(1), Reached::Server);
        outputs(&mut detector);
        detector.handle_network(2, elsewhere());
        assert_eq!(outputs(&mut detector), [Output::Probe(ProbeNumber(2))]);
        assert_eq!(detector.connectivity(), Online);
        detector.handle_probed(3, ProbeNumber(2), Reached::SomethingElse);
        assert_eq!(outputs(&mut detector), [Output::Report(Offline)]);
    }

    #[test]
    fn an_answer_about_a_network_that_is_gone_is_ignored() {
        let mut detector = detector(Rule::default(), Probing::On);
        detector.handle_network(0, further());
        detector.handle_network(1, nowhere());
        detector.handle_network(2, elsewhere());
        outputs(&mut detector);
        detector.handle_probed(3, ProbeNumber(1), Reached::Server);
        assert_eq!(outputs(&mut detector), []);
        detector.handle_probed(4, ProbeNumber(2), Reached::Server);
        assert_eq!(outputs(&mut detector), [Output::Report(Online)]);
    }
}
