//! A kiosk as a person starts it, on a machine whose network goes and comes, behind a captive portal, and in the middle of an
//! event.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use background_sync_e2e::operator::operate;
use background_sync_e2e::{
    Answer, FAST_RETRIES, Kiosk, KioskBuilder, PAGE, PATIENCE, Site, TestServer, in_namespace, ip,
    kiosk_command,
};
use serde_json::json;

/// The machine's address.
const MACHINE: &str = "192.0.2.7";

/// An interface with a cable, an address and a route.
fn plug_in() {
    ip("link add lan0 type veth peer name switch0");
    ip("link set switch0 up");
    put_the_cable_back();
}

/// Nothing gets through any more, neither from nor to the machine's address.
fn pull_the_cable() {
    ip("link set lan0 down");
    // The machine would go on to talk to itself.
    ip("address flush dev lan0");
}

fn put_the_cable_back() {
    ip("link set lan0 up");
    ip("address add 192.0.2.7/24 dev lan0");
    ip("route add default via 192.0.2.1");
}

/// A kiosk that nothing but its command line controls. Killed when dropped.
struct PlainKiosk(Child);

impl PlainKiosk {
    fn start(command: &mut Command) -> Self {
        Self(command.spawn().expect("the kiosk can be started"))
    }
}

impl Drop for PlainKiosk {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn by_default_a_kiosk_has_the_network_of_its_machine() {
    in_namespace("by_default_a_kiosk_has_the_network_of_its_machine", || {
        plug_in();
        let server = TestServer::start_at("0.0.0.0");
        server.serve(
            "/",
            "text/html",
            "<!DOCTYPE html><script> \
               const say = () => fetch('/state', { method: 'POST', body: navigator.onLine }); \
               addEventListener('online', say); say(); </script>",
        );
        let profile = tempfile::tempdir().expect("a writable folder");
        let mut command = kiosk_command();
        command.arg("--profile").arg(profile.path());
        command.arg(format!("http://{MACHINE}:{}/", server.port()));
        let _kiosk = PlainKiosk::start(&mut command);
        server.wait_for_post("/state", &json!(true));

        let wait_for_network = |state: &str| {
            let deadline = Instant::now() + PATIENCE;
            loop {
                let status = operate(profile.path(), &["status", "--json"]).json();
                if status["network"] == state {
                    return;
                }
                assert!(Instant::now() < deadline, "not {state}: {status}");
                std::thread::sleep(Duration::from_millis(50));
            }
        };
        wait_for_network("up");
        pull_the_cable();
        wait_for_network("absent");
        assert_eq!(server.received_count(), 1);
        put_the_cable_back();
        wait_for_network("up");
        // The page has heard of it.
        assert_eq!(server.wait_for(2)[1].body, json!(true));
    });
}

/// A name that may have workers without TLS, and leads to the machine's address.
const NAME: &str = "app.localhost";

/// A site at the machine's address, and a kiosk that shows it once it is started.
fn site_and_kiosk(folder: &Path) -> (Site, KioskBuilder) {
    let server = TestServer::start_at("0.0.0.0");
    server.serve("/", "text/html", PAGE);
    let site = Site { server };
    site.serve_worker("onsync = (event) => event.waitUntil(post('/sync', event.tag));");
    let hosts = folder.join("hosts");
    std::fs::write(&hosts, format!("{MACHINE} {NAME}\n")).expect("a writable folder");
    let hosts = hosts.to_str().expect("UTF-8");
    (site, Kiosk::builder().environment("HOST_FILE", hosts))
}

fn open(site: &Site, builder: KioskBuilder) -> Kiosk {
    let mut kiosk = builder.open(&format!("http://{NAME}:{}/", site.server.port()));
    kiosk.wait_for_console("page ready");
    kiosk
}

fn dispatched(kiosk: &mut Kiosk) -> usize {
    kiosk.catch_up();
    let events = kiosk.seen().iter();
    events
        .filter(|event| event["event"] == "sync" && event["kind"] == "dispatched")
        .count()
}

#[test]
fn a_network_lost_in_the_middle_of_an_event_costs_no_message() {
    in_namespace(
        "a_network_lost_in_the_middle_of_an_event_costs_no_message",
        || {
            plug_in();
            let folder = tempfile::tempdir().expect("a writable folder");
            let (site, builder) = site_and_kiosk(folder.path());
            let server = &site.server;
            let builder = builder
                .background_sync(&format!("{FAST_RETRIES}event_cap_ms = 3000\n"))
                .section(
                    "connectivity",
                    "watch = 'system'\ndefault_route = 'required'\n",
                );
            let mut kiosk = open(&site, builder);
            // Whether the kernel had seen the carrier before the kiosk asked, is its affair.
            if kiosk.evaluate("navigator.onLine") == false {
                kiosk.wait_for("the network", |event| event["state"] == "up");
            }
            server.answer_next([Answer::Hold]);
            kiosk.register_sync("under way");
            server.wait_for(1);
            pull_the_cable();
            kiosk.wait_for("the network to be gone", |event| {
                event["event"] == "network" && event["state"] == "absent"
            });
            // The answer does not get through.
            server.release();
            kiosk.wait_for("the end of the event", |event| {
                event["event"] == "sync"
                    && event["kind"] == "finished"
                    && event["outcome"] != "Fulfilled"
            });
            assert_eq!(
                dispatched(&mut kiosk),
                1,
                "nothing is tried without a network"
            );
            assert_eq!(
                kiosk.settle("registration.sync.getTags()"),
                Ok(json!(["under way"]))
            );
            put_the_cable_back();
            let received = server.wait_for(2);
            assert_eq!(received[1].body, "under way");
            kiosk.wait_for("the event to succeed", |event| {
                event["kind"] == "finished" && event["outcome"] == "Fulfilled"
            });
            assert_eq!(kiosk.settle("registration.sync.getTags()"), Ok(json!([])));
        },
    );
}

#[test]
fn a_sync_waits_until_the_captive_portal_opens() {
    in_namespace("a_sync_waits_until_the_captive_portal_opens", || {
        plug_in();
        let folder = tempfile::tempdir().expect("a writable folder");
        let (site, builder) = site_and_kiosk(folder.path());
        let server = &site.server;
        // The portal sends every request to its login.
        let login = server.url("/login");
        server.serve_redirect("/probe", &login);
        server.serve("/login", "text/html", "<!DOCTYPE html>sign in");
        let probe = format!(
            "watch = 'system'\nprobe_url = 'http://{MACHINE}:{}/probe'\n",
            server.port()
        );
        let builder = builder
            .background_sync(FAST_RETRIES)
            .section("connectivity", &probe);
        let mut kiosk = open(&site, builder);
        assert_eq!(kiosk.evaluate("navigator.onLine"), false);
        kiosk.register_sync("signed in");
        // It is asked again and again, and believed no more the second time.
        kiosk.wait_until("the portal was asked twice", || {
            server.asked_for("/probe").len() >= 2
        });
        assert_eq!(kiosk.evaluate("navigator.onLine"), false);
        assert_eq!(dispatched(&mut kiosk), 0);
        assert_eq!(server.received_count(), 0);
        // Somebody signs in.
        server.serve_status("/probe", 204);
        assert_eq!(server.wait_for(1)[0].body, "signed in");
        assert_eq!(kiosk.evaluate("navigator.onLine"), true);
    });
}
