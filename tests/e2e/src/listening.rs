//! Where a process listens.

use std::collections::HashSet;
use std::fs;

/// Inodes of the sockets that a process has, as the system names them.
fn sockets_of(process: u32) -> HashSet<String> {
    let open = fs::read_dir(format!("/proc/{process}/fd")).expect("it runs");
    let links = open
        .flatten()
        .filter_map(|it| fs::read_link(it.path()).ok());
    links
        .filter_map(|link| {
            let name = link.to_str()?.strip_prefix("socket:[")?;
            Some(name.strip_suffix(']')?.to_owned())
        })
        .collect()
}

/// The local addresses at which a process takes what others send: listening over TCP, bound over UDP.
///
/// # Panics
/// If it has ended.
#[must_use]
pub fn addresses_of(process: u32) -> Vec<String> {
    const LISTEN: &str = "0A";
    let sockets = sockets_of(process);
    let mut addresses = Vec::new();
    for protocol in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
        let table = fs::read_to_string(format!("/proc/{process}/net/{protocol}"));
        for line in table.unwrap_or_default().lines().skip(1) {
            // sl, local, remote, state, queues, timer, retransmits, uid, timeout, inode
            let fields: Vec<_> = line.split_whitespace().collect();
            let (local, state, inode) = (fields[1], fields[3], fields[9]);
            let takes_anything = !protocol.starts_with("tcp") || state == LISTEN;
            if takes_anything && sockets.contains(inode) {
                addresses.push(format!("{protocol} {local}"));
            }
        }
    }
    addresses
}
