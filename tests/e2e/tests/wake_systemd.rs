//! The systemd of a user, as it is: it takes the timer of a kiosk that has ended, and what it starts delivers.

// A kiosk that is built without that group is built without timers as well.
#![cfg(feature = "offline")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use background_sync_e2e::{Kiosk, PATIENCE, Site, leave_out};

const WORKER: &str = "onsync = (event) => event.waitUntil(post('/message', event.tag));";

/// On the bus.
const NAME: &str = "org.freedesktop.systemd1";

/// Where Debian has it.
const PROGRAM: &str = "/lib/systemd/systemd";

/// Control groups, processes and mounts of their own, so that it touches nothing of this machine's.
const START: &str = "set -e
    mount --make-rprivate /
    mount -t tmpfs none /sys/fs/cgroup
    mount -t cgroup2 none /sys/fs/cgroup
    mount -t tmpfs none /run
    mkdir -p /run/systemd/system
    dbus-daemon --session --nofork --nopidfile --address=\"$DBUS_SESSION_BUS_ADDRESS\" &
    until [ -S \"$XDG_RUNTIME_DIR/bus\" ]; do sleep 0.05; done
    /lib/systemd/systemd --user --unit=basic.target &
    wait";

/// It ends, with all that it has started, when this is dropped.
struct UserSystemd {
    namespace: Child,
    runtime: PathBuf,
}

impl UserSystemd {
    fn start(runtime: &Path) -> Self {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--cgroup", "--pid", "--fork", "--mount-proc"]);
        command.args(["--kill-child", "sh", "-c", START]);
        let log = fs::File::create(runtime.join("log")).expect("a writable folder");
        let namespace = set_environment(&mut command, runtime)
            .env("SYSTEMD_LOG_TARGET", "console")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        Self {
            namespace: namespace.expect("unshare exists"),
            runtime: runtime.to_owned(),
        }
    }

    fn address(&self) -> String {
        bus_address(&self.runtime)
    }

    /// What the manager answers, as `busctl` writes it; `None` if it refuses. Not by `systemctl`, which does not reach into
    /// another namespace.
    fn ask(&self, words: &[&str]) -> Option<String> {
        let mut command = Command::new("busctl");
        command.arg("--user").args(words);
        let output = set_environment(&mut command, &self.runtime)
            .output()
            .expect("busctl exists");
        if !output.status.success() {
            eprintln!("busctl {words:?}: {output:?}");
            return None;
        }
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn call(&self, words: &[&str]) -> Option<String> {
        let manager = "org.freedesktop.systemd1.Manager";
        self.ask(&[&["call", NAME, "/org/freedesktop/systemd1", manager], words].concat())
    }

    /// The names of the timers of kiosks.
    fn timers(&self) -> Vec<String> {
        let pattern = "background-sync-kiosk-*.timer";
        let listed = self.call(&["ListUnitsByPatterns", "asas", "0", "1", pattern]);
        let listed = listed.expect("it answers");
        let words = listed.split('"');
        words
            .filter(|word| word.starts_with("background-sync-kiosk-") && word.ends_with(".timer"))
            .map(str::to_owned)
            .collect()
    }

    /// A property of a unit.
    fn property(&self, unit: &str, interface: &str, name: &str) -> String {
        let answer = self.call(&["LoadUnit", "s", unit]).expect("it is there");
        let path = answer.split('"').nth(1).expect("a path");
        let interface = format!("org.freedesktop.systemd1.{interface}");
        let value = self.ask(&["get-property", NAME, path, &interface, name]);
        value.expect("it has it").trim().to_owned()
    }

    /// Waits until something is true, of which nobody tells.
    fn wait_until(&self, what: &str, is_true: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_true() {
            let log = || fs::read_to_string(self.runtime.join("log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "waited until {what}: {}", log());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for UserSystemd {
    fn drop(&mut self) {
        let _ = self.namespace.kill();
        let _ = self.namespace.wait();
    }
}

fn bus_address(runtime: &Path) -> String {
    format!("unix:path={}/bus", runtime.display())
}

fn set_environment<'a>(command: &'a mut Command, runtime: &Path) -> &'a mut Command {
    command
        .env("XDG_RUNTIME_DIR", runtime)
        .env("DBUS_SESSION_BUS_ADDRESS", bus_address(runtime))
}

/// Whether there can be namespaces for it.
fn has_namespaces() -> bool {
    let words = [
        "--mount",
        "--cgroup",
        "--pid",
        "--fork",
        "--mount-proc",
        "true",
    ];
    let tried = Command::new("unshare").args(words).output();
    tried.is_ok_and(|output| output.status.success())
}

/// `None`: it can't be run here.
fn systemd(test: &str, runtime: &Path) -> Option<UserSystemd> {
    if !Path::new(PROGRAM).exists() {
        eprintln!("skipped: {test}: systemd is not installed");
        return None;
    }
    if !has_namespaces() {
        leave_out(test, "no namespaces");
        return None;
    }
    let systemd = UserSystemd::start(runtime);
    systemd.wait_until("it runs", || {
        runtime.join("bus").exists() && systemd.call(&["GetUnit", "s", "basic.target"]).is_some()
    });
    Some(systemd)
}

/// A kiosk hands over what waits for the network; `variable` names the bus that it asks. Returns the timer.
fn hand_over(
    systemd: &UserSystemd,
    site: &Site,
    profile: &Path,
    (variable, wake): (&str, &str),
) -> String {
    let config = profile.join("test.toml");
    fs::write(&config, format!("[wake]\ntimer = true\n{wake}")).expect("a writable folder");
    let builder = Kiosk::builder()
        .profile(profile)
        .environment(variable, &systemd.address())
        .flag(&format!("--config={}", config.display()));
    let mut kiosk = site.open_with(builder);
    kiosk.set_network("offline");
    kiosk.register_sync("outbox");
    kiosk.quit();
    let timers = systemd.timers();
    let [timer] = &timers[..] else {
        panic!("one timer: {timers:?}");
    };
    timer.clone()
}

#[test]
fn the_systemd_of_a_user_starts_what_was_handed_over() {
    let (runtime, profile) = (folder(), folder());
    let name = "the_systemd_of_a_user_starts_what_was_handed_over";
    let Some(systemd) = systemd(name, runtime.path()) else {
        return;
    };
    let site = Site::new(WORKER);
    let how = ("DBUS_SESSION_BUS_ADDRESS", "manager = 'user'");
    let timer = hand_over(&systemd, &site, profile.path(), how);
    assert_eq!(systemd.property(&timer, "Timer", "WakeSystem"), "b false");
    let calendar = systemd.property(&timer, "Timer", "TimersCalendar");
    assert!(
        calendar.starts_with("a(sst) 1 \"OnCalendar\" \"20"),
        "{calendar}"
    );
    // Its time has come.
    let service = timer.replace(".timer", ".service");
    systemd
        .call(&["StartUnit", "ss", &service, "replace"])
        .expect("it is started");
    assert_eq!(site.server.wait_for(1)[0].body, "outbox");
    systemd.wait_until("nothing is left to do", || systemd.timers().is_empty());
}

/// The kiosk asks the system's bus; the one that answers there is a user's, as a test has no other.
#[test]
fn systemd_takes_what_the_systems_is_asked_for() {
    let (runtime, profile) = (folder(), folder());
    let name = "systemd_takes_what_the_systems_is_asked_for";
    let Some(systemd) = systemd(name, runtime.path()) else {
        return;
    };
    let site = Site::new(WORKER);
    let how = (
        "DBUS_SYSTEM_BUS_ADDRESS",
        "manager = 'system'\nwake_system = true",
    );
    let timer = hand_over(&systemd, &site, profile.path(), how);
    assert_eq!(systemd.property(&timer, "Timer", "WakeSystem"), "b true");
    let service = timer.replace(".timer", ".service");
    for property in ["Wants", "After"] {
        let targets = systemd.property(&service, "Unit", property);
        assert!(
            targets.contains("network-online.target"),
            "{property}: {targets}"
        );
    }
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a writable folder")
}
