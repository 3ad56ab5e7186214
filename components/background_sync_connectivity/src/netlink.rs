//! Speaks with the kernel: [rtnetlink(7)](https://man7.org/linux/man-pages/man7/rtnetlink.7.html).

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage,
};
use netlink_packet_route::link::{LinkFlags, LinkMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteMessage, RouteNextHopFlags, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::network::Network;

/// The kernel's messages are no longer than this, in bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// A reading that changes under our eyes is begun again so often.
const MAX_READINGS: u32 = 5;

/// The kernel answers at once; a broken one must not hold us for ever.
const ANSWER_LIMIT: std::time::Duration = std::time::Duration::from_secs(5);

// The groups of <linux/rtnetlink.h>, as bits.
const GROUP_LINK: u32 = 1;
const GROUP_IPV4_ADDRESS: u32 = 1 << 4;
const GROUP_IPV4_ROUTE: u32 = 1 << 6;
const GROUP_IPV6_ADDRESS: u32 = 1 << 8;
const GROUP_IPV6_ROUTE: u32 = 1 << 10;

const GROUPS: u32 =
    GROUP_LINK | GROUP_IPV4_ADDRESS | GROUP_IPV4_ROUTE | GROUP_IPV6_ADDRESS | GROUP_IPV6_ROUTE;

/// Becomes readable when something changes.
#[derive(Debug)]
pub(crate) struct Changes(OwnedFd);

impl Changes {
    /// From now on.
    pub fn subscribe() -> io::Result<Self> {
        let socket = socket()?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, GROUPS))?;
        Ok(Self(socket))
    }

    /// Takes what has been said so far; what it was does not matter.
    pub fn drain(&self) -> io::Result<()> {
        let mut byte = [0; 1];
        loop {
            match rustix::net::recv(&self.0, &mut byte, RecvFlags::DONTWAIT) {
                // More was said than fits: the state is read anew in any case.
                Ok(_) | Err(Errno::NOBUFS | Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Reads how the network is.
#[derive(Debug)]
pub(crate) struct Reader {
    socket: OwnedFd,
    buffer: Vec<u8>,
    sequence: u32,
}

/// Whether what was read belongs together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Consistent,
    Interrupted,
}

impl Reader {
    pub fn open() -> io::Result<Self> {
        let socket = socket()?;
        set_socket_timeout(&socket, Timeout::Recv, Some(ANSWER_LIMIT))?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        Ok(Self {
            socket,
            buffer: vec![0; BUFFER_BYTES],
            sequence: 0,
        })
    }

    /// The network as it is now.
    pub fn read(&mut self) -> io::Result<Network> {
        for _ in 0..MAX_READINGS {
            let mut network = Network::default();
            if self.read_once(&mut network)? == Reading::Consistent {
                return Ok(network);
            }
        }
        // The change that interrupts will be announced.
        let mut network = Network::default();
        self.read_once(&mut network)?;
        Ok(network)
    }

    fn read_once(&mut self, network: &mut Network) -> io::Result<Reading> {
        let mut requests = vec![
            RouteNetlinkMessage::GetLink(LinkMessage::default()),
            RouteNetlinkMessage::GetAddress(AddressMessage::default()),
        ];
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut message = RouteMessage::default();
            message.header.address_family = family;
            requests.push(RouteNetlinkMessage::GetRoute(message));
        }
        let mut reading = Reading::Consistent;
        for request in requests {
            if self.dump(request, network)? == Reading::Interrupted {
                reading = Reading::Interrupted;
            }
        }
        Ok(reading)
    }

    fn dump(&mut self, request: RouteNetlinkMessage, network: &mut Network) -> io::Result<Reading> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | NLM_F_DUMP;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(request));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        rustix::net::send(&self.socket, &bytes, SendFlags::empty())?;
        let mut reading = Reading::Consistent;
        loop {
            let (_, length) =
                rustix::net::recv(&self.socket, self.buffer.as_mut_slice(), RecvFlags::TRUNC)?;
            if length > self.buffer.len() {
                return Err(io::Error::other("a message of the kernel is too long"));
            }
            for message in messages(&self.buffer[..length]) {
                let message = message?;
                if message.header.sequence_number != self.sequence {
                    continue;
                }
                if message.header.flags & NLM_F_DUMP_INTR != 0 {
                    reading = Reading::Interrupted;
                }
                match message.payload {
                    NetlinkPayload::Done(_) => return Ok(reading),
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    NetlinkPayload::InnerMessage(message) => note(network, message),
                    _ => {}
                }
            }
        }
    }
}

fn socket() -> io::Result<OwnedFd> {
    // NETLINK_ROUTE has the number 0, which is the default.
    Ok(rustix::net::socket_with(
        rustix::net::AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None,
    )?)
}

/// The messages of one datagram.
fn messages(
    mut bytes: &[u8],
) -> impl Iterator<Item = io::Result<NetlinkMessage<RouteNetlinkMessage>>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(bytes);
        let length = message.as_ref().map_or(0, |message| message.header.length) as usize;
        // Each begins at a multiple of four bytes. One that is not understood ends the datagram.
        bytes = match length {
            0 => &[],
            length => bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]),
        };
        Some(message.map_err(io::Error::other))
    })
}

fn note(network: &mut Network, message: RouteNetlinkMessage) {
    match message {
        RouteNetlinkMessage::NewLink(link) => {
            let flags = link.header.flags;
            if flags.contains(LinkFlags::Up | LinkFlags::LowerUp)
                && !flags.contains(LinkFlags::Loopback)
            {
                network.up.insert(link.header.index);
            }
        }
        RouteNetlinkMessage::NewAddress(address) => note_address(network, &address),
        RouteNetlinkMessage::NewRoute(route) => note_route(network, &route),
        _ => {}
    }
}

fn note_address(network: &mut Network, message: &AddressMessage) {
    let mut full_flags = AddressFlags::empty();
    let (mut local, mut address) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(own) => local = Some(*own),
            // On a point-to-point interface this is the other end's.
            AddressAttribute::Address(other) => address = Some(*other),
            AddressAttribute::Flags(flags) => full_flags = *flags,
            _ => {}
        }
    }
    // Not to be used yet, or never: somebody else may have it.
    let unusable = full_flags.intersects(AddressFlags::Tentative | AddressFlags::Dadfailed)
        || message
            .header
            .flags
            .intersects(AddressHeaderFlags::Tentative | AddressHeaderFlags::Dadfailed);
    let optimistic = full_flags.contains(AddressFlags::Optimistic)
        || message
            .header
            .flags
            .contains(AddressHeaderFlags::Optimistic);
    if let Some(address) = local.or(address)
        && (!unusable || optimistic)
    {
        network.add_address(message.header.index, address);
    }
}

fn note_route(network: &mut Network, message: &RouteMessage) {
    // Of any table: virtual private networks have their own.
    if message.header.destination_prefix_length != 0 || message.header.kind != RouteType::Unicast {
        return;
    }
    let gateway_of = |attributes: &[RouteAttribute]| {
        attributes.iter().find_map(|attribute| match attribute {
            RouteAttribute::Gateway(RouteAddress::Inet(address)) => Some((*address).into()),
            RouteAttribute::Gateway(RouteAddress::Inet6(address)) => Some((*address).into()),
            _ => None,
        })
    };
    let gateway = gateway_of(&message.attributes);
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Oif(interface) => {
                network.default_routes.insert((*interface, gateway));
            }
            RouteAttribute::MultiPath(hops) => {
                let unusable = RouteNextHopFlags::Dead | RouteNextHopFlags::Linkdown;
                let hops = hops.iter().filter(|hop| !hop.flags.intersects(unusable));
                let hops = hops.map(|hop| (hop.interface_index, gateway_of(&hop.attributes)));
                network.default_routes.extend(hops);
            }
            _ => {}
        }
    }
}
