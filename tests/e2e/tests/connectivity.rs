//! The kiosk follows the network of its machine.

use background_sync_e2e::{
    FAST_RETRIES, Kiosk, KioskBuilder, PAGE, Site, TestServer, in_namespace, ip,
};
use serde_json::{Value, json};

const WORKER: &str =
    "self.addEventListener('sync', (event) => event.waitUntil(post('/sync', event.tag)));";

fn watching() -> KioskBuilder {
    Kiosk::builder().background_sync(FAST_RETRIES).section(
        "connectivity",
        "watch = 'system'\ndefault_route = 'required'\n",
    )
}

/// An interface with a cable and an address; the other end is `switch0`. There is no route yet.
fn plug_in() {
    ip("link add lan0 type veth peer name switch0");
    ip("link set switch0 up");
    ip("link set lan0 up");
    ip("address add 192.0.2.7/24 dev lan0");
}

fn add_route() {
    ip("route add default via 192.0.2.1");
}

/// The next state of the network that the kiosk reports.
fn network(kiosk: &mut Kiosk) -> Value {
    let event = kiosk.wait_for("a change of the network", |event| {
        event["event"] == "network"
    });
    assert_eq!(event["online"], event["state"] == "up");
    event["state"].clone()
}

#[test]
fn a_sync_waits_for_the_machines_network() {
    in_namespace("a_sync_waits_for_the_machines_network", || {
        let site = Site::new(WORKER);
        // The page is on this machine, so it is there without a network.
        let mut kiosk = site.open_with(watching());
        assert_eq!(kiosk.evaluate("navigator.onLine"), false);
        kiosk.register_sync("patient");
        plug_in();
        assert_eq!(
            kiosk.settle("registration.sync.getTags()"),
            Ok(json!(["patient"]))
        );
        assert!(site.server.received().is_empty());
        add_route();
        assert_eq!(network(&mut kiosk), "up");
        assert_eq!(site.server.wait_for(1)[0].body, "patient");
        assert_eq!(kiosk.evaluate("navigator.onLine"), true);
        ip("link set lan0 down");
        assert_eq!(network(&mut kiosk), "absent");
    });
}

#[test]
fn what_is_cut_by_hand_stays_cut() {
    in_namespace("what_is_cut_by_hand_stays_cut", || {
        plug_in();
        add_route();
        let site = Site::new(WORKER);
        let mut kiosk = site.open_with(watching());
        // Whether the kernel had seen the carrier before the kiosk asked, is its affair.
        if kiosk.evaluate("navigator.onLine") == false {
            assert_eq!(network(&mut kiosk), "up");
        }
        kiosk.command("offline");
        assert_eq!(network(&mut kiosk), "cut");
        kiosk.register_sync("cut");
        // The machine's network goes and comes: nothing changes, and nothing is reported.
        ip("link delete lan0");
        plug_in();
        add_route();
        ip("link delete lan0");
        assert_eq!(kiosk.evaluate("navigator.onLine"), false);
        kiosk.command("online");
        assert_eq!(network(&mut kiosk), "absent");
        assert!(site.server.received().is_empty());
        plug_in();
        add_route();
        assert_eq!(network(&mut kiosk), "up");
        assert_eq!(site.server.wait_for(1)[0].body, "cut");
    });
}

#[test]
fn a_page_elsewhere_is_loaded_once_there_is_a_network() {
    in_namespace("a_page_elsewhere_is_loaded_once_there_is_a_network", || {
        let server = TestServer::start_at("0.0.0.0");
        server.serve("/", "text/html", PAGE);
        let url = format!("http://192.0.2.7:{}/", server.port());
        let mut kiosk = watching().open(&url);
        let refused = kiosk.wait_for("the page to be refused", |event| {
            event["event"] == "load-refused"
        });
        assert_eq!(
            (&refused["page"], &refused["url"]),
            (&json!(true), &json!(url))
        );
        plug_in();
        add_route();
        assert_eq!(network(&mut kiosk), "up");
        kiosk.wait_for("the page to load", |event| {
            event["status"] == "complete" && event["url"] == url.as_str()
        });
    });
}

#[test]
fn behind_a_captive_portal_there_is_no_network() {
    in_namespace("behind_a_captive_portal_there_is_no_network", || {
        plug_in();
        add_route();
        let site = Site::new(WORKER);
        // The portal answers whatever is asked.
        site.server.serve("/probe", "text/html", "sign in first");
        let probe = format!(
            "watch = 'system'\nprobe_url = '{}'\n",
            site.server.url("/probe")
        );
        let builder = Kiosk::builder()
            .background_sync(FAST_RETRIES)
            .section("connectivity", &probe);
        let mut kiosk = site.open_with(builder);
        kiosk.register_sync("signed in");
        assert_eq!(kiosk.evaluate("navigator.onLine"), false);
        // It is asked again after some seconds.
        site.server.serve_status("/probe", 204);
        assert_eq!(network(&mut kiosk), "up");
        assert_eq!(site.server.wait_for(1)[0].body, "signed in");
    });
}
