//! What systemd hears from a kiosk that it has started: ready, alive, ending.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use background_sync_e2e::{Kiosk, KioskBuilder, Site};

/// How long the service manager waits for a sign of life.
const WATCHDOG: Duration = Duration::from_millis(600);
/// How long a test waits for a word.
const PATIENCE: Duration = Duration::from_secs(20);

/// A service manager that only listens.
struct Listener {
    socket: UnixDatagram,
}

impl Listener {
    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).expect("a writable folder");
        Self { socket }
    }

    /// The next word; `None` if there is none in this time.
    fn hear(&self, patience: Duration) -> Option<String> {
        self.socket
            .set_read_timeout(Some(patience))
            .expect("a time that is not 0");
        let mut word = [0; 4096];
        let length = self.socket.recv(&mut word).ok()?;
        Some(String::from_utf8_lossy(&word[..length]).trim().to_owned())
    }

    /// Waits for this word.
    fn wait_for(&self, expected: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.hear(PATIENCE).as_deref() != Some(expected) {
            assert!(Instant::now() < deadline, "{expected} was not said");
        }
    }

    /// Takes what was said before.
    fn forget(&self) {
        while self.hear(Duration::from_millis(1)).is_some() {}
    }
}

fn watched(folder: &Path) -> KioskBuilder {
    let socket = folder.join("notify");
    Kiosk::builder()
        .environment("NOTIFY_SOCKET", socket.to_str().expect("UTF-8"))
        .environment("WATCHDOG_USEC", &WATCHDOG.as_micros().to_string())
}

#[test]
fn it_is_ready_gives_signs_of_life_and_says_that_it_ends() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let listener = Listener::at(&folder.path().join("notify"));
    let mut kiosk = Site::new("").open_with(watched(folder.path()));
    assert_eq!(listener.hear(PATIENCE).as_deref(), Some("READY=1"));
    for _ in 0..6 {
        // Nothing happens in the kiosk: it says so by itself, and in time.
        assert_eq!(listener.hear(WATCHDOG).as_deref(), Some("WATCHDOG=1"));
    }
    kiosk.freeze();
    listener.forget();
    assert_eq!(
        listener.hear(WATCHDOG * 2),
        None,
        "a kiosk that hangs is silent"
    );
    kiosk.kill();

    let mut kiosk = watched(folder.path()).open("about:blank");
    listener.wait_for("READY=1");
    kiosk.terminate();
    listener.wait_for("STOPPING=1");
}

/// The variable of a compositor that is the service's main process: its watchdog is not this process's to feed.
#[test]
fn another_processs_watchdog_is_left_alone() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let listener = Listener::at(&folder.path().join("notify"));
    let kiosk = watched(folder.path())
        .environment("WATCHDOG_PID", "1")
        .open("about:blank");
    assert_eq!(listener.hear(PATIENCE).as_deref(), Some("READY=1"));
    kiosk.quit();
    assert_eq!(listener.hear(PATIENCE).as_deref(), Some("STOPPING=1"));
}
