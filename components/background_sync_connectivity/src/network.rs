//! What the kernel says about the network, and what follows from it.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// The kernel's number of an interface.
pub(crate) type InterfaceIndex = u32;

/// All that matters of the machine's network at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Network {
    /// Interfaces that are up, have a carrier and are not the loopback.
    pub up: BTreeSet<InterfaceIndex>,
    /// Addresses that others can answer to, of any interface.
    pub addresses: BTreeSet<(InterfaceIndex, IpAddr)>,
    /// Default routes: the interface and the gateway, if there is one.
    pub default_routes: BTreeSet<(InterfaceIndex, Option<IpAddr>)>,
}

/// How far the network reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nowhere.
    Nowhere,
    /// To the neighbours: there is an address, but no default route.
    Neighbours,
    /// Further.
    Further,
}

impl Network {
    /// Adds an address, if others can answer to it: what comes and goes with each link, without
    /// anybody's help, is no change of the network.
    pub fn add_address(&mut self, interface: InterfaceIndex, address: IpAddr) {
        if is_usable(address) {
            self.addresses.insert((interface, address));
        }
    }

    /// How far it reaches.
    pub fn reach(&self) -> Reach {
        let usable: BTreeSet<InterfaceIndex> = self
            .addresses
            .iter()
            .map(|&(interface, _)| interface)
            .filter(|interface| self.up.contains(interface))
            .collect();
        let mut routes = self.default_routes.iter();
        if routes.any(|(interface, _)| usable.contains(interface)) {
            Reach::Further
        } else if usable.is_empty() {
            Reach::Nowhere
        } else {
            Reach::Neighbours
        }
    }
}

/// Whether others can answer to this address.
fn is_usable(address: IpAddr) -> bool {
    let link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    !(link_local || address.is_loopback() || address.is_unspecified())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One interface that is up.
    pub(crate) fn network(addresses: &[&str], gateway: Option<&str>) -> Network {
        let parse = |text: &str| text.parse().expect("an address");
        let routes = gateway.map(|text| (2, Some(parse(text))));
        let mut network = Network {
            up: BTreeSet::from([2]),
            default_routes: routes.into_iter().collect(),
            ..Network::default()
        };
        for text in addresses {
            network.add_address(2, parse(text));
        }
        network
    }

    #[test]
    fn an_address_and_a_default_route_reach_further() {
        let routed = network(&["192.0.2.7"], Some("192.0.2.1"));
        assert_eq!(routed.reach(), Reach::Further);
        let v6 = network(&["2001:db8::7"], Some("fe80::1"));
        assert_eq!(v6.reach(), Reach::Further);
    }

    #[test]
    fn an_address_alone_reaches_the_neighbours() {
        assert_eq!(network(&["192.0.2.7"], None).reach(), Reach::Neighbours);
    }

    #[test]
    fn link_local_addresses_reach_nowhere() {
        let link_local = network(&["169.254.3.4", "fe80::7"], Some("fe80::1"));
        assert_eq!(link_local.reach(), Reach::Nowhere);
    }

    #[test]
    fn an_interface_that_is_down_reaches_nowhere_whatever_it_has() {
        let mut down = network(&["192.0.2.7"], Some("192.0.2.1"));
        down.up.clear();
        assert_eq!(down.reach(), Reach::Nowhere);
    }

    #[test]
    fn a_default_route_of_another_interface_does_not_count() {
        let mut split = network(&["192.0.2.7"], None);
        split.default_routes.insert((3, None));
        assert_eq!(split.reach(), Reach::Neighbours);
    }
}
