//! `./mach package --try`: the kiosk's package as a new user has it, in a bare Debian system, by the commands of its guide.

mod app;
mod common;
mod wake;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use background_sync_e2e::debian::{Debian, run};
use background_sync_e2e::guide::{Block, blocks};
use background_sync_e2e::{Answer, TestServer};
use clap::Parser;
use serde_json::{Value, json};

use self::app::{ORDER, SLOW_RETRIES, WORKER, page_that_sends};
use self::common::{PATIENCE, UNIT, ask_json, expect, write};
use self::wake::Wake;

/// Install a package in a bare Debian system and try it
#[derive(Parser)]
struct Arguments {
    /// The guide whose commands are run
    #[arg(long)]
    guide: PathBuf,
    /// The package
    #[arg(long)]
    package: PathBuf,
    /// Where the packed files of a bare system are kept
    #[arg(long)]
    cache: PathBuf,
}

/// The address that the guide has for the user's app.
const APP: &str = "https://app.example";

/// A container has no screen: cage draws in memory. The watchdog is less patient, so that the trial need not wait.
const NO_SCREEN: &str = "[Service]\nTTYPath=\nTTYReset=no\nTTYVHangup=no\nTTYVTDisallocate=no\nStandardInput=null\n\
    WatchdogSec=6\nEnvironment=WLR_BACKENDS=headless WLR_LIBINPUT_NO_DEVICES=1 WLR_RENDERER=pixman\n";

/// The version that is installed first.
const OLDER_VERSION: &str = "0.0.9-1";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut trial = match Trial::start(&arguments) {
        Ok(trial) => trial,
        Err(reason) => {
            eprintln!("error: {reason}");
            return ExitCode::FAILURE;
        }
    };
    let result = trial.play(&blocks(&arguments.guide));
    println!(
        "{} steps passed, {} failed",
        trial.passed,
        u8::from(result.is_err())
    );
    let Err(reason) = result else {
        return ExitCode::SUCCESS;
    };
    eprintln!("error: {reason}");
    if let Ok(journal) = trial.debian.run("journalctl --no-pager --lines 60") {
        eprintln!("{journal}");
    }
    ExitCode::FAILURE
}

struct Trial {
    debian: Debian,
    server: TestServer,
    newer: PathBuf,
    passed: u32,
}

impl Trial {
    fn start(arguments: &Arguments) -> Result<Self, String> {
        let debian = Debian::start(&arguments.cache)?;
        let server = TestServer::start();
        server.serve("/", "text/html", &page_that_sends(ORDER));
        server.serve("/sw.js", "text/javascript", WORKER);
        // The order waits from then on.
        server.answer_next([Answer::Status(503)]);
        write_older(
            &arguments.package,
            &debian.path("/root/background-sync-kiosk_old.deb"),
        )?;
        let drop_in = debian.path(&format!(
            "/etc/systemd/system/{UNIT}.service.d/no-screen.conf"
        ));
        write(&drop_in, NO_SCREEN)?;
        debian.run("apt-get update --quiet")?;
        Ok(Self {
            debian,
            server,
            newer: arguments.package.clone(),
            passed: 0,
        })
    }

    /// Follows the guide, and looks around at its turns.
    fn play(&mut self, blocks: &[Block]) -> Result<(), String> {
        let mut heading = String::new();
        for block in blocks {
            if block.heading != heading {
                if heading == "Start" {
                    self.look_at_the_running_kiosk()?;
                }
                if block.heading == "Upgrade" {
                    self.step("a newer package comes", Self::bring_newer)?;
                }
                heading.clone_from(&block.heading);
            }
            self.follow(block)?;
        }
        self.step(
            "what was stored is there after the upgrade",
            Self::still_has_everything,
        )?;
        self.step("a hung kiosk is started again", Self::recovers_from_hanging)?;
        self.try_wake()?;
        self.step(
            "without a screen there is no cage",
            Self::runs_without_a_screen,
        )?;
        self.step("the units are hardened", Self::are_hardened)?;
        self.step("removing keeps, purging takes", Self::goes)
    }

    fn step(
        &mut self,
        what: &str,
        step: impl FnOnce(&mut Self) -> Result<(), String>,
    ) -> Result<(), String> {
        eprintln!("== {what}");
        step(self).map_err(|reason| format!("{what}: {reason}"))?;
        self.passed += 1;
        Ok(())
    }

    fn follow(&mut self, block: &Block) -> Result<(), String> {
        let what = format!("{}, line {}", block.heading, block.line);
        match (&*block.language, &block.file) {
            ("sh", _) => self.step(&what, |trial| {
                let printed = trial.debian.run(&block.text)?;
                println!("{printed}");
                Ok(())
            }),
            (_, Some(file)) => self.step(&what, |trial| {
                let app = trial.server.url("");
                let text = block.text.replace(APP, &app) + SLOW_RETRIES;
                write(&trial.debian.path(file), &text)
            }),
            _ => Ok(()),
        }
    }

    fn look_at_the_running_kiosk(&mut self) -> Result<(), String> {
        self.step("the app runs, as a user of its own, and its message was refused", |trial| {
            let status: Value = ask_json(&trial.debian, "kioskctl status --json")?;
            expect(&status["url"], &json!(trial.server.url("/")))?;
            trial.server.wait_for(1);
            trial.debian.run_until("kioskctl syncs list --json | grep -q 'order 7'", PATIENCE)?;
            trial.debian.run(&format!("test $(stat --format %U /proc/{}) = {UNIT}", status["pid"]))?;
            trial.debian.run("test $(stat -c %a:%U /var/lib/background-sync-kiosk/profile) = 700:background-sync-kiosk")
                .map(drop)
        })?;
        self.step("nobody else can ask it, and it listens on no network", |trial| {
            trial.debian.run("! runuser -u nobody -- kioskctl status")?;
            trial.debian.run(
                "! runuser -u nobody -- background-sync-kiosk --profile /var/lib/background-sync-kiosk/profile status",
            )?;
            let pid = trial.main_pid()?;
            let sockets = trial.debian.run(&format!("cat /proc/{pid}/net/tcp /proc/{pid}/net/tcp6"))?;
            let listening = sockets.lines().filter(|line| line.split_whitespace().nth(3) == Some("0A"));
            // The network is the machine's: others may listen, but none with the kiosk's user.
            let user = trial.debian.run(&format!("id -u {UNIT}"))?;
            let ours = listening.filter(|line| line.split_whitespace().nth(7) == Some(user.trim()));
            expect(&json!(ours.count()), &json!(0))
        })
    }

    fn bring_newer(&mut self) -> Result<(), String> {
        self.debian.run(
            "rm background-sync-kiosk_*.deb; cp /etc/background-sync-kiosk/kiosk.toml before.toml",
        )?;
        self.debian.run(&format!(
            "systemctl show --property MainPID {UNIT} >before.pid"
        ))?;
        let to = self.debian.path("/root/background-sync-kiosk_new.deb");
        fs::copy(&self.newer, to)
            .map(drop)
            .map_err(|error| error.to_string())
    }

    fn still_has_everything(&mut self) -> Result<(), String> {
        self.debian
            .run("cmp before.toml /etc/background-sync-kiosk/kiosk.toml")?;
        self.debian
            .run("test -e /etc/background-sync-kiosk/kiosk.toml.dpkg-dist")?;
        self.debian.run(&format!(
            "dpkg-query --show {UNIT} | grep -v {OLDER_VERSION}"
        ))?;
        self.debian
            .run_until("kioskctl syncs list --json | grep -q 'order 7'", PATIENCE)?;
        self.debian.run("kioskctl syncs dispatch 'order 7'")?;
        self.server.wait_for_post("/orders", &json!("order 7"));
        expect(&json!(self.server.received_count()), &json!(2))?;
        expect(
            &ask_json(&self.debian, "kioskctl syncs list --json")?,
            &json!([]),
        )
    }

    fn recovers_from_hanging(&mut self) -> Result<(), String> {
        // What has just been sent is on the medium after an orderly end; after a kill it may be sent again.
        self.debian.run(&format!("systemctl restart {UNIT}"))?;
        let before = ask_json(&self.debian, "kioskctl status --json")?["pid"].clone();
        self.debian.run(&format!("kill -STOP {before}"))?;
        let is_new = format!("kioskctl status --json | grep -v '\"pid\": *{before}[,}}]'");
        self.debian.run_until(&is_new, PATIENCE)?;
        self.debian
            .run("journalctl --unit background-sync-kiosk --grep 'Watchdog timeout' --quiet")
            .map(drop)
    }

    fn wake(&self) -> Wake<'_> {
        Wake {
            debian: &self.debian,
            server: &self.server,
        }
    }

    fn try_wake(&mut self) -> Result<(), String> {
        self.step("a stopped kiosk leaves a timer", |trial| {
            trial.wake().stops_with_timer()
        })?;
        self.step("what is due is sent although no kiosk runs", |trial| {
            trial.wake().sends_while_stopped()
        })?;
        self.step("the timer goes when the kiosk starts", |trial| {
            trial.wake().starts_without_timer()
        })?;
        self.step(
            "what the kiosk's user leaves is a time or nothing",
            |trial| trial.wake().takes_only_times(),
        )
    }

    /// The example for it takes the place of what the package has for a screen, and so leaves the console to whoever has it.
    fn runs_without_a_screen(&mut self) -> Result<(), String> {
        let example = "/usr/share/doc/background-sync-kiosk/examples/headless.conf";
        let folder = format!("/etc/systemd/system/{UNIT}.service.d");
        self.debian.run(&format!(
            "rm {folder}/no-screen.conf; cp {example} {folder}/20-display.conf; systemctl daemon-reload"
        ))?;
        self.debian.run(&format!("systemctl restart {UNIT}"))?;
        let pid = self.main_pid()?;
        expect(
            &ask_json(&self.debian, "kioskctl status --json")?["pid"]
                .to_string()
                .into(),
            &pid.into(),
        )?;
        let console = format!("systemctl show --property Conflicts {UNIT} | grep getty");
        self.debian.run(&format!("! {console}")).map(drop)
    }

    fn are_hardened(&mut self) -> Result<(), String> {
        for unit in [UNIT, wake::UNIT] {
            // Tenths: a browser that compiles its scripts, draws and asks servers can't have all of it.
            let table = self.debian.run(&format!(
                "systemd-analyze security --no-pager --threshold=30 {unit}"
            ))?;
            println!("{table}");
        }
        Ok(())
    }

    fn goes(&mut self) -> Result<(), String> {
        let profile = "/var/lib/background-sync-kiosk/profile";
        self.wake().leave(wake::A_TIME)?;
        self.debian.run(&format!(
            "apt-get remove --yes --quiet {UNIT}; test -d {profile}"
        ))?;
        self.debian.run(&format!("! systemctl is-active {UNIT}"))?;
        self.wake().has_no_timer()?;
        self.debian.run(&format!(
            "apt-get purge --yes --quiet {UNIT}; test ! -e {profile}"
        ))?;
        self.debian
            .run("test ! -e /etc/background-sync-kiosk/kiosk.toml")
            .map(drop)
    }

    fn main_pid(&self) -> Result<String, String> {
        let value = self
            .debian
            .run(&format!("systemctl show --value --property MainPID {UNIT}"))?;
        Ok(value.trim().to_owned())
    }
}

/// The version before: the same program, with another example configuration, so that the upgrade has to decide.
fn write_older(package: &Path, to: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let unpacked = folder.path().join("package");
    run(Command::new("dpkg-deb")
        .arg("--raw-extract")
        .arg(package)
        .arg(&unpacked))?;
    let edit = |path: &str, edit: &dyn Fn(&str) -> String| {
        let file = unpacked.join(path);
        let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
        write(&file, &edit(&text))
    };
    edit("etc/background-sync-kiosk/kiosk.toml", &|text| {
        format!("# As it was in an older version.\n{text}")
    })?;
    edit("DEBIAN/control", &|text| {
        let lines = text.lines().map(|line| match line.starts_with("Version:") {
            true => format!("Version: {OLDER_VERSION}\n"),
            false => format!("{line}\n"),
        });
        lines.collect()
    })?;
    let mut pack = Command::new("dpkg-deb");
    pack.args(["--build", "-Znone"]).arg(&unpacked).arg(to);
    run(&mut pack).map(drop)
}
