//! The log: one line an event, for systemd's journal or for a terminal.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use background_sync_e2e::{Answer, FAST_RETRIES, PATIENCE, Site, kiosk_command};

const WORKER: &str = "onsync = (event) => event.waitUntil(post('/message', 'x'));";

/// A kiosk as a person or systemd starts it: nobody drives it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts it with standard error in the file, which is the journal if it is said to be.
fn start(site: &Site, folder: &Path, log: &File, is_journal: bool, level: &str) -> Running {
    let config = folder.join("kiosk.toml");
    let text = format!("{level}\n[background_sync]\n{FAST_RETRIES}");
    fs::write(&config, text).expect("a writable folder");
    let metadata = log.metadata().expect("it is open");
    let journal = match is_journal {
        true => format!("{}:{}", metadata.dev(), metadata.ino()),
        // What somebody else has inherited.
        false => format!("{}:{}", metadata.dev(), metadata.ino() + 1),
    };
    let child = kiosk_command()
        .args(["--headless", "--profile"])
        .arg(folder.join("profile"))
        .arg("--config")
        .arg(config)
        .arg(site.server.url("/"))
        .env("JOURNAL_STREAM", journal)
        .env_remove("RUST_LOG")
        .stdout(Stdio::null())
        .stderr(log.try_clone().expect("it is open"))
        .spawn();
    Running(child.expect("the kiosk can be started"))
}

/// Waits until the file has a line with this text.
fn wait_for_line(path: &Path, text: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let log = fs::read_to_string(path).expect("it is there");
        if log.lines().any(|line| line.contains(text)) {
            return log;
        }
        assert!(Instant::now() < deadline, "no {text:?} in {log}");
        // Nobody tells when a file grows.
        thread::sleep(Duration::from_millis(20));
    }
}

fn site_that_registers(tag: &str) -> Site {
    let site = Site::new(WORKER);
    site.add_to_page(&format!(
        "navigator.serviceWorker.ready.then((registration) => registration.sync.register({tag}));"
    ));
    site
}

#[test]
fn the_journal_gets_priorities() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let path = folder.path().join("log");
    let log = File::create(&path).expect("a writable folder");
    let site = site_that_registers("'outbox'");
    site.server.answer_next([Answer::Status(503)]);
    let _kiosk = start(&site, folder.path(), &log, true, "");
    let text = wait_for_line(&path, "fulfilled");
    let scope = site.server.url("/");
    for line in [
        format!("<6>sync: \"outbox\" of {scope} (one-shot) is registered"),
        format!("<6>sync: \"outbox\" of {scope} (one-shot) fires, attempt 1"),
        format!(
            "<4>sync: \"outbox\" of {scope} (one-shot): attempt 1 ended, rejected; the next one now"
        ),
        format!("<6>sync: \"outbox\" of {scope} (one-shot) fires, attempt 2"),
        format!(
            "<6>sync: \"outbox\" of {scope} (one-shot): attempt 2 ended, fulfilled, and it is done"
        ),
    ] {
        assert!(
            text.lines().any(|told| told == line),
            "no {line:?} in {text}"
        );
    }
}

#[test]
fn a_page_writes_no_line_of_its_own() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let path = folder.path().join("log");
    let log = File::create(&path).expect("a writable folder");
    let site = site_that_registers(r"'a\n<0>kiosk: forged\u001b[31m\u202e'");
    let _kiosk = start(&site, folder.path(), &log, false, "");
    let text = wait_for_line(&path, "fulfilled");
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    for line in text.lines() {
        assert!(!line.starts_with('<'), "{line}");
    }
    assert!(text.contains("kiosk: sync: "), "{text}");
}

#[test]
fn a_level_leaves_lines_out() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let path = folder.path().join("log");
    let log = File::create(&path).expect("a writable folder");
    let site = site_that_registers("'outbox'");
    site.server.answer_next([Answer::Status(503)]);
    let _kiosk = start(&site, folder.path(), &log, true, "[log]\nlevel = 'warn'");
    site.server.wait_for(2);
    let text = wait_for_line(&path, "attempt 1 ended, rejected");
    for line in text.lines() {
        // Libraries write lines without a priority.
        assert!(
            !line.starts_with("<6>") && !line.starts_with("<7>"),
            "{line}"
        );
    }
}
