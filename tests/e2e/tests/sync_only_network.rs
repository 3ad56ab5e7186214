//! `kiosk --sync-only` on a device that has just woken up: its network comes a little later.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use background_sync_e2e::operator::operate;
use background_sync_e2e::{FAST_RETRIES, Kiosk, PATIENCE, Site, in_namespace, ip, kiosk_command};
use serde_json::Value;

const WORKER: &str = "onsync = (event) => event.waitUntil(post('/message', event.tag));";

/// Without a page's address it is not known that all is on this machine, so the network is watched.
fn start(profile: &Path) -> Child {
    let config = profile.join("test.toml");
    let text =
        format!("[background_sync]\n{FAST_RETRIES}\n[connectivity]\ndefault_route = 'required'\n");
    fs::write(&config, text).expect("a writable folder");
    let mut command = kiosk_command();
    command
        .arg("--sync-only")
        .arg("--profile")
        .arg(profile)
        .arg("--config")
        .arg(config)
        .stdout(Stdio::piped());
    command.spawn().expect("the kiosk can be started")
}

/// Waits until the run answers, and says so of the network.
fn wait_for_network(profile: &Path, state: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = operate(profile, &["status", "--json"]);
        if told.code == Some(0) && told.json()["network"] == state {
            return;
        }
        assert!(Instant::now() < deadline, "{told:?}");
        // Nobody tells when a process has opened its socket.
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_network_that_comes_is_waited_for() {
    in_namespace("a_network_that_comes_is_waited_for", || {
        let profile = tempfile::tempdir().expect("a writable folder");
        let site = Site::new(WORKER);
        let mut kiosk = site.open_with(Kiosk::builder().profile(profile.path()));
        kiosk.set_network("offline");
        kiosk.register_sync("outbox");
        kiosk.quit();
        let run = start(profile.path());
        wait_for_network(profile.path(), "absent");
        assert_eq!(site.server.received_count(), 0);
        ip("link add lan0 type veth peer name switch0");
        ip("link set switch0 up");
        ip("link set lan0 up");
        ip("address add 192.0.2.7/24 dev lan0");
        ip("route add default via 192.0.2.1");
        assert_eq!(site.server.wait_for(1)[0].body, "outbox");
        let output = run.wait_with_output().expect("it ends");
        let report: Value = serde_json::from_slice(&output.stdout).expect("a line of JSON");
        assert_eq!(
            (&report["delivered"], &report["network"]),
            (&1.into(), &"up".into())
        );
        assert!(output.status.success());
    });
}
