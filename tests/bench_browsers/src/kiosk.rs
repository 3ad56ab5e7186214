//! The kiosk, driven by its control channel.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::browser::{Browser, Network, PATIENCE, Process, call, start_page};

/// How it differs from a kiosk as by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings<'a> {
    /// Its configuration file.
    pub configuration: &'a str,
    /// Further flags.
    pub flags: &'a [&'a str],
}

/// The events that matter here. There are three `sync` events a registration, which are not even parsed: this process
/// must leave the processor to the browser.
const WANTED: [&str; 5] = [
    r#""event":"console""#,
    r#""event":"network""#,
    r#""event":"ready""#,
    r#""event":"window-closed""#,
    r#""command":"#,
];

/// A running kiosk.
pub struct Kiosk {
    process: Process,
    commands: ChildStdin,
    events: Receiver<Value>,
    /// Lines of the console that came while something else was waited for.
    lines: VecDeque<String>,
}

/// What starts it with the profile in this folder and a page. It ends when its standard input does.
pub fn command(
    binary: &Path,
    folder: &Path,
    url: &str,
    settings: &Settings<'_>,
) -> Result<Command> {
    let configuration = folder.join("kiosk.toml");
    fs::write(&configuration, settings.configuration).context("cannot write the configuration")?;
    let mut command = Command::new(binary);
    command
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .args(["--headless", "--control", "stdio", "--without-sync-events"])
        .args(settings.flags)
        .arg("--config")
        .arg(&configuration)
        .arg("--profile")
        .arg(folder.join("profile"))
        .arg(url);
    Ok(command)
}

/// How many registrations are in the profile in this folder, of which no kiosk may run.
pub fn registered(binary: &Path, folder: &Path) -> Result<usize> {
    let mut command = Command::new(binary);
    command.args(["syncs", "list", "--json", "--profile"]);
    let output = command
        .arg(folder.join("profile"))
        .output()
        .with_context(|| format!("cannot start {}", binary.display()))?;
    ensure!(
        output.status.success(),
        "`kiosk syncs list` has failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let list: Vec<Value> = serde_json::from_slice(&output.stdout)
        .context("`kiosk syncs list --json` writes no list")?;
    Ok(list.len())
}

impl Kiosk {
    /// Starts it with a new profile in this folder, and opens the page.
    pub fn start(binary: &Path, folder: &Path, url: &str, settings: &Settings<'_>) -> Result<Self> {
        let mut process = command(binary, folder, url, settings)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let stdout = process.stdout.take().expect("piped above");
        let commands = process.stdin.take().expect("piped above");
        let (sender, events) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            for line in lines.filter(|line| WANTED.iter().any(|wanted| line.contains(wanted))) {
                let event = serde_json::from_str(&line).unwrap_or(Value::Null);
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let mut kiosk = Self {
            process: Process(process),
            commands,
            events,
            lines: VecDeque::new(),
        };
        kiosk.wait_for(|event| event["event"] == "ready")?;
        start_page(&mut kiosk)?;
        Ok(kiosk)
    }

    fn command(&mut self, line: &str) -> Result<()> {
        writeln!(self.commands, "{line}").context("the kiosk takes no commands any more")
    }

    fn wait_for(&mut self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = self.next_event(deadline)?;
            if wanted(&event) {
                return Ok(event);
            }
            self.lines.extend(console_line(&event));
        }
    }

    fn next_event(&mut self, deadline: Instant) -> Result<Value> {
        let left = deadline.saturating_duration_since(Instant::now());
        let event = self.events.recv_timeout(left);
        let event = event.context("the kiosk says nothing more")?;
        if let Some(error) = event["error"].as_str() {
            bail!("the kiosk says: {error}");
        }
        Ok(event)
    }
}

impl Browser for Kiosk {
    fn process_id(&self) -> u32 {
        self.process.0.id()
    }

    fn evaluate(&mut self, script: &str) -> Result<()> {
        // The answer is not waited for: an error in the script shows in the missing report.
        self.command(&format!("eval {script}, 0"))
    }

    fn next_console_line(&mut self, deadline: Instant) -> Result<String> {
        if let Some(line) = self.lines.pop_front() {
            return Ok(line);
        }
        loop {
            let event = self.next_event(deadline)?;
            if let Some(line) = console_line(&event) {
                return Ok(line);
            }
        }
    }

    fn reload(&mut self) -> Result<()> {
        self.command("reload")?;
        start_page(self)
    }

    fn reopen(&mut self, url: &str) -> Result<()> {
        self.command("close-window")?;
        self.wait_for(|event| event["event"] == "window-closed")?;
        self.command(&format!("open {url}"))?;
        start_page(self)
    }

    fn set_network(&mut self, network: Network) -> Result<Instant> {
        let given = Instant::now();
        self.command(match network {
            Network::Offline => "offline",
            Network::Online => "online",
        })?;
        self.wait_for(|event| event["event"] == "network")?;
        Ok(given)
    }

    fn kill(self: Box<Self>) {
        drop(self.process);
    }

    fn collect_garbage(&mut self) -> Result<()> {
        // That of its pages, soon after. That of workers and what its caches hold can't be freed from outside, so the
        // comparison favours Chromium.
        call::<Value>(self, "collectGarbage()").map(drop)
    }
}

fn console_line(event: &Value) -> Option<String> {
    let text = event["text"].as_str()?;
    (event["event"] == "console").then(|| text.to_owned())
}
