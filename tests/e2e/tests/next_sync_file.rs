//! `kiosk --next-sync-file`: a kiosk that ends leaves the time of the next sync, for the service that has started it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use background_sync_e2e::operator::Told;
use background_sync_e2e::{Answer, Kiosk, KioskBuilder, Site, kiosk_command, run};

const WORKER: &str = "onsync = (event) => event.waitUntil(post('/message', event.tag));";

/// A retry that does not come while a test runs, and a systemd that can't be asked: the file wins.
const CONFIG: &str = "[background_sync]\nfirst_retry_delay_ms = 3600000\nretry_jitter_percent = 0\n\
    [wake]\nmanager = 'system'\n";

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a writable folder"))
    }

    fn profile(&self) -> PathBuf {
        self.0.path().join("profile")
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("next-sync")
    }

    /// Writes the configuration; returns the flags by which it is used.
    fn flags(&self, wake: &str) -> [String; 2] {
        let config = self.0.path().join("test.toml");
        fs::write(&config, format!("{CONFIG}{wake}\n")).expect("a writable folder");
        [
            format!("--config={}", config.display()),
            format!("--next-sync-file={}", self.file().display()),
        ]
    }

    fn builder(&self, wake: &str) -> KioskBuilder {
        let builder = Kiosk::builder().profile(&self.profile());
        let flags = self.flags(wake);
        flags
            .iter()
            .fold(builder, |builder, flag| builder.flag(flag))
    }

    /// Its line, without the end.
    fn line(&self) -> String {
        let text = fs::read_to_string(self.file()).expect("a time was left");
        text.strip_suffix('\n').expect("a line").to_owned()
    }
}

/// A message that could not be delivered: the next attempt is an hour ahead.
fn fail_once(site: &Site, builder: KioskBuilder) -> Kiosk {
    site.server.answer_next([Answer::Status(503)]);
    let mut kiosk = site.open_with(builder);
    kiosk.register_sync("outbox");
    kiosk.wait_for_sync("finished");
    kiosk
}

fn assert_in_an_hour(seconds: &str) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("after 1970").as_secs();
    let ahead = seconds.parse::<u64>().expect("seconds") - now;
    assert!((3_500..=3_601).contains(&ahead), "{ahead} s");
}

fn mode(file: &Path) -> u32 {
    let metadata = fs::metadata(file).expect("it is there");
    metadata.permissions().mode() & 0o777
}

#[test]
fn the_time_is_there_while_no_kiosk_runs() {
    let (site, folder) = (Site::new(WORKER), Folder::new());
    let kiosk = fail_once(&site, folder.builder("timer = true"));
    assert!(!folder.file().exists(), "it runs");
    kiosk.quit();
    assert_in_an_hour(&folder.line());
    assert_eq!(mode(&folder.file()), 0o600);
    // Nor while the next one runs, and not after its end if that was killed.
    let mut kiosk = site.open_with(folder.builder("timer = true"));
    assert!(!folder.file().exists());
    kiosk.kill();
    assert!(!folder.file().exists());
}

#[test]
fn a_run_that_only_syncs_leaves_it_too() {
    let (site, folder) = (Site::new(WORKER), Folder::new());
    let wake = "timer = true\nwake_system = true";
    fail_once(&site, folder.builder(wake)).quit();
    fs::remove_file(folder.file()).expect("a time was left");
    let mut command = kiosk_command();
    command
        .args(["--sync-only", "--profile"])
        .arg(folder.profile())
        .args(folder.flags(wake));
    let told = Told::new(run(&mut command));
    assert_eq!(told.code, Some(0), "{told:?}");
    let line = folder.line();
    assert_in_an_hour(line.strip_suffix(" wake").expect("the device is woken"));
}

#[test]
fn there_is_none_without_need() {
    let (site, folder) = (Site::new(WORKER), Folder::new());
    fail_once(&site, folder.builder("timer = true")).quit();
    assert!(folder.file().exists());
    // It is not wanted any more.
    site.open_with(folder.builder("timer = false")).quit();
    assert!(!folder.file().exists());
    // Nothing is left to do.
    let mut kiosk = site.open_with(folder.builder("timer = true"));
    kiosk.command("clear-syncs 127.0.0.1");
    kiosk.wait_for_sync("removed");
    kiosk.quit();
    assert!(!folder.file().exists());
}
