//! What is due while no kiosk runs: systemd starts a run for it, at a time of which the kiosk can say nothing but when it is.

use std::fs;
use std::time::Duration;

use background_sync_e2e::debian::Debian;
use background_sync_e2e::{Answer, TestServer};
use serde_json::json;

use super::app::{SLOW_RETRIES, page_that_sends};
use super::common::{PATIENCE, UNIT as KIOSK, ask_json, expect, write};

/// What is started, by a timer of the same name.
pub const UNIT: &str = "background-sync-kiosk-sync";

/// A command of the kiosk's user that leaves a time as a kiosk does: it is in the year 2096.
pub const A_TIME: &str = "echo 4000000000 >next-sync";

/// What that user can leave there else.
const NO_TIMES: [&str; 5] = [
    "ln -s /root/time next-sync",
    "ln -s /dev/zero next-sync",
    "mkfifo next-sync",
    "mkdir next-sync",
    "echo '4000000000; reboot' >next-sync",
];

const CONFIG: &str = "/etc/background-sync-kiosk/kiosk.toml";

/// Where the kiosk leaves its time.
const RUNTIME_FOLDER: &str = "/run/background-sync-kiosk";

/// The second message, which is refused once.
const ORDER: &str = "order 8";

/// The next attempt comes by itself, later than the minute after which a timer may elapse.
const RETRY_AND_WAKE: &str = "[background_sync]\nfirst_retry_delay_ms = 65000\nretry_jitter_percent = 0\n\
    [wake]\ntimer = true\n";

/// That retry, and a run that has to start first.
const RETRY_PATIENCE: Duration = Duration::from_secs(180);

/// Where it is tried, with a kiosk that runs at the beginning and at the end.
pub struct Wake<'a> {
    pub debian: &'a Debian,
    pub server: &'a TestServer,
}

impl Wake<'_> {
    pub fn stops_with_timer(&self) -> Result<(), String> {
        let config = self.debian.path(CONFIG);
        let text = fs::read_to_string(&config).map_err(|error| error.to_string())?;
        write(&config, &text.replace(SLOW_RETRIES, RETRY_AND_WAKE))?;
        self.server.serve("/", "text/html", &page_that_sends(ORDER));
        self.server.answer_next([Answer::Status(503)]);
        let before = self.server.received_count();
        self.kiosk("restart")?;
        self.server.wait_for(before + 1);
        let waits = format!("kioskctl syncs list --json | grep -q '{ORDER}'");
        self.debian.run_until(&waits, PATIENCE)?;
        self.has_no_timer()?;
        self.kiosk("stop")?;
        self.has_timer()
    }

    pub fn sends_while_stopped(&self) -> Result<(), String> {
        let before = self.server.received_count();
        let has_run = format!("! systemctl is-active {UNIT}.timer {UNIT}.service");
        self.debian.run_until(&has_run, RETRY_PATIENCE)?;
        expect(&json!(self.server.received_count()), &json!(before + 1))?;
        self.server.wait_for_post("/orders", &json!(ORDER));
        self.has_no_timer()?;
        let result = format!("systemctl show --property Result {UNIT} | grep -x Result=success");
        self.debian.run(&result)?;
        self.debian.run(&format!("! systemctl is-active {KIOSK}"))?;
        expect(
            &ask_json(self.debian, "kioskctl syncs list --json")?,
            &json!([]),
        )
    }

    pub fn starts_without_timer(&self) -> Result<(), String> {
        // From now on the kiosk itself leaves nothing, and takes nothing away.
        let config = self.debian.path(CONFIG);
        let text = fs::read_to_string(&config).map_err(|error| error.to_string())?;
        write(&config, &text.replace(RETRY_AND_WAKE, SLOW_RETRIES))?;
        self.kiosk("start")?;
        self.leave(A_TIME)?;
        self.kiosk("stop")?;
        self.has_timer()?;
        self.kiosk("start")?;
        self.has_no_timer()
    }

    pub fn takes_only_times(&self) -> Result<(), String> {
        // Root could read a time there.
        self.debian.run("echo 4000000000 >time; chmod 600 time")?;
        for command in NO_TIMES {
            self.leave(command)?;
            self.debian.run("date +%s >since")?;
            self.kiosk("stop")?;
            self.has_no_timer()?;
            self.debian.run(&format!(
                "systemctl show --property Result {KIOSK} | grep -x Result=success"
            ))?;
            let told = format!(
                "journalctl --quiet --since @$(cat since) --unit {KIOSK} --grep 'holds no time'"
            );
            self.debian.run_until(&told, PATIENCE)?;
            self.kiosk("start")?;
        }
        Ok(())
    }

    /// Has the kiosk's user do this where the kiosk leaves its time.
    pub fn leave(&self, command: &str) -> Result<(), String> {
        let script = format!("cd {RUNTIME_FOLDER} && {command}");
        write(&self.debian.path("/root/leave"), &script)?;
        self.debian
            .run(&format!("cd / && runuser -u {KIOSK} -- sh -e </root/leave"))
            .map(drop)
    }

    fn has_timer(&self) -> Result<(), String> {
        let listed = self.debian.run(&list_timers())?;
        println!("{listed}");
        expect(&json!(listed.lines().count()), &json!(1))
    }

    /// Nor one that has failed.
    pub fn has_no_timer(&self) -> Result<(), String> {
        expect(&json!(self.debian.run(&list_timers())?), &json!(""))
    }

    fn kiosk(&self, verb: &str) -> Result<(), String> {
        self.debian
            .run(&format!("systemctl {verb} {KIOSK}"))
            .map(drop)
    }
}

fn list_timers() -> String {
    format!("systemctl list-timers --all --no-legend '{UNIT}*'")
}
