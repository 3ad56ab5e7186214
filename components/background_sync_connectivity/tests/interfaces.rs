//! Real interfaces that come and go, in a network namespace of the test's own.
//!
//! Each test starts this program again inside a new namespace (`unshare --net`), where it may do as it
//! likes. That takes root or unprivileged user namespaces, and the commands `unshare` and `ip`;
//! without them the tests fail, unless `BACKGROUND_SYNC_SKIP_NAMESPACES` is set.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::net::SocketAddr;
use std::process::{Command, Output};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use background_sync_connectivity::Connectivity::{self, Offline, Online};
use background_sync_connectivity::{Options, Probe, Rule, Watcher};
use tiny_http::{Response, Server};

/// Set inside the namespace.
const INSIDE: &str = "BACKGROUND_SYNC_TEST_NAMESPACE";

/// Says that this machine need not be able to make one.
const SKIP: &str = "BACKGROUND_SYNC_SKIP_NAMESPACES";

/// Longer than anything that is expected to happen takes.
const SOON: Duration = Duration::from_secs(15);

/// For what must not happen: long after the kernel has said everything.
const A_MOMENT: Duration = Duration::from_millis(200);

/// Runs `scenario` in a namespace, or says why not.
fn in_namespace(name: &str, scenario: fn()) {
    if std::env::var_os(INSIDE).is_some() {
        scenario();
        return;
    }
    let unshare = match namespace_command() {
        Ok(unshare) => unshare,
        Err(reason) if std::env::var_os(SKIP).is_some() => {
            eprintln!("skipped: {name}, because {reason}");
            return;
        }
        Err(reason) => {
            panic!(
                "no network namespace: {reason}; allow that, or set {SKIP}=1 to leave such tests out"
            )
        }
    };
    let mut command = Command::new(unshare[0]);
    command
        .args(&unshare[1..])
        .arg(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]);
    let output = command.env(INSIDE, "1").output().unwrap();
    assert!(output.status.success(), "{}", both(&output));
}

/// How this user may make a network namespace with interfaces in it.
fn namespace_command() -> Result<Vec<&'static str>, String> {
    let ways = [
        vec!["unshare", "--net"],
        vec!["unshare", "--user", "--map-root-user", "--net"],
    ];
    let mut reason = String::new();
    for way in ways {
        let mut command = Command::new(way[0]);
        command.args(&way[1..]);
        command.args(["ip", "link", "add", "trial0", "type", "veth"]);
        match command.output() {
            Ok(output) if output.status.success() => return Ok(way),
            Ok(output) => reason = format!("`{}` says: {}", way.join(" "), both(&output).trim()),
            Err(error) => reason = format!("`{}` cannot be run: {error}", way[0]),
        }
    }
    Err(reason)
}

fn both(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs `ip`.
fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    let output = output.unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", both(&output));
}

struct Watched {
    watcher: Watcher,
    reports: Receiver<Connectivity>,
}

fn watch(options: Options) -> Watched {
    let (sender, reports) = channel();
    let report = move |connectivity| {
        let _ = sender.send(connectivity);
    };
    Watched {
        watcher: Watcher::start(options, report).unwrap(),
        reports,
    }
}

impl Watched {
    #[track_caller]
    fn expect(&self, connectivity: Connectivity) {
        assert_eq!(self.reports.recv_timeout(SOON), Ok(connectivity));
    }

    #[track_caller]
    fn expect_nothing(&self) {
        let report = self.reports.recv_timeout(A_MOMENT);
        assert_eq!(report, Err(RecvTimeoutError::Timeout));
    }
}

fn strict() -> Options {
    Options::new().rule(Rule::RequireDefaultRoute)
}

/// An interface with a cable; the other end is `switch0`.
fn plug_in() {
    ip("link add lan0 type veth peer name switch0");
    ip("link set switch0 up");
    ip("link set lan0 up");
}

fn up_with_address_and_route() {
    plug_in();
    ip("address add 192.0.2.7/24 dev lan0");
    ip("route add default via 192.0.2.1");
}

#[test]
fn an_interface_counts_from_its_default_route_on_and_until_it_goes_down() {
    in_namespace(
        "an_interface_counts_from_its_default_route_on_and_until_it_goes_down",
        || {
            let watched = watch(strict());
            assert_eq!(watched.watcher.connectivity_at_start(), Offline);
            ip("link set lo up");
            plug_in();
            ip("address add 169.254.7.7/16 dev lan0");
            ip("address add 192.0.2.7/24 dev lan0");
            watched.expect_nothing();
            ip("route add default via 192.0.2.1");
            watched.expect(Online);
            ip("link set lan0 down");
            watched.expect(Offline);
            // The kernel has dropped the route with the link.
            ip("link set lan0 up");
            watched.expect_nothing();
            ip("route add default via 192.0.2.1");
            watched.expect(Online);
            ip("link delete lan0");
            watched.expect(Offline);
        },
    );
}

#[test]
fn a_pulled_cable_is_noticed_although_address_and_route_stay() {
    in_namespace(
        "a_pulled_cable_is_noticed_although_address_and_route_stay",
        || {
            plug_in();
            ip("address add 192.0.2.7/24 dev lan0");
            ip("route add default via 192.0.2.1");
            let watched = watch(strict());
            if watched.watcher.connectivity_at_start() == Offline {
                // The kernel takes a moment to see the carrier.
                watched.expect(Online);
            }
            ip("link set switch0 down");
            watched.expect(Offline);
            ip("link set switch0 up");
            watched.expect(Online);
        },
    );
}

#[test]
fn a_network_that_leads_nowhere_counts_after_a_grace() {
    in_namespace("a_network_that_leads_nowhere_counts_after_a_grace", || {
        let watched = watch(Options::new());
        plug_in();
        ip("address add 192.0.2.7/24 dev lan0");
        watched.expect_nothing();
        watched.expect(Online);
        ip("address delete 192.0.2.7/24 dev lan0");
        watched.expect(Offline);
    });
}

#[test]
fn version_6_counts_too() {
    in_namespace("version_6_counts_too", || {
        let watched = watch(strict());
        plug_in();
        watched.expect_nothing();
        ip("address add 2001:db8::7/64 dev lan0 nodad");
        ip("-6 route add default via 2001:db8::1");
        watched.expect(Online);
        ip("-6 route delete default");
        watched.expect(Offline);
    });
}

#[test]
fn what_is_there_at_the_start_is_known_at_once() {
    in_namespace("what_is_there_at_the_start_is_known_at_once", || {
        up_with_address_and_route();
        let watched = watch(strict());
        assert_eq!(watched.watcher.connectivity_at_start(), Online);
        watched.expect_nothing();
    });
}

#[test]
fn a_storm_of_changes_ends_with_the_truth() {
    in_namespace("a_storm_of_changes_ends_with_the_truth", || {
        let watched = watch(strict());
        for _ in 0..20 {
            up_with_address_and_route();
            ip("link delete lan0");
        }
        up_with_address_and_route();
        let mut last = Offline;
        while let Ok(report) = watched.reports.recv_timeout(A_MOMENT) {
            assert_ne!(report, last, "only changes are reported");
            last = report;
        }
        assert_eq!(last, Online);
    });
}

#[test]
fn the_end_of_the_watcher_is_prompt_and_silent() {
    in_namespace("the_end_of_the_watcher_is_prompt_and_silent", || {
        let Watched { watcher, reports } = watch(strict());
        drop(watcher);
        up_with_address_and_route();
        let after = reports.recv_timeout(A_MOMENT);
        assert_eq!(after, Err(RecvTimeoutError::Disconnected));
    });
}

#[test]
fn behind_a_captive_portal_there_is_no_network_until_somebody_signed_in() {
    in_namespace(
        "behind_a_captive_portal_there_is_no_network_until_somebody_signed_in",
        || {
            ip("link set lo up");
            plug_in();
            ip("address add 192.0.2.7/24 dev lan0");
            let server = Server::http("192.0.2.7:0").unwrap();
            let address: SocketAddr = server.server_addr().to_ip().unwrap();
            let (asked_out, asked) = channel();
            thread::spawn(move || {
                for status in [200, 204] {
                    let request = server.recv().unwrap();
                    let sent = request.respond(Response::empty(status));
                    let _ = asked_out.send(sent.is_ok());
                }
            });
            let url = format!("http://{address}/generate_204").parse().unwrap();
            let watched = watch(strict().probe(Probe::new(url)));
            watched.expect_nothing();
            assert!(asked.try_recv().is_err(), "it is asked after a change only");
            ip("route add default via 192.0.2.1");
            assert_eq!(asked.recv_timeout(SOON), Ok(true));
            watched.expect_nothing();
            // The second answer, after the back-off, is the server's own.
            watched.expect(Online);
            ip("link set lan0 down");
            watched.expect(Offline);
        },
    );
}
