//! A kiosk process under control.

mod process;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use serde_json::Value;
use tempfile::TempDir;

use crate::PATIENCE;

/// Retries fast enough for a test.
pub const FAST_RETRIES: &str = "first_retry_delay_ms = 100\nretry_factor = 1\n\
    retry_jitter_percent = 0\nreconnect_retry_spread_ms = 0\nmax_attempts = 3\n";

/// A command that starts the kiosk under test, without a display, and with no flags but those in
/// `BACKGROUND_SYNC_KIOSK_FLAGS`, separated by spaces: a whole run of the tests can be repeated under other conditions.
///
/// # Panics
/// If `BACKGROUND_SYNC_KIOSK` does not name one.
pub fn kiosk_command() -> Command {
    let mut command = Command::new(kiosk_program());
    let flags = env::var("BACKGROUND_SYNC_KIOSK_FLAGS").unwrap_or_default();
    command
        .args(flags.split_whitespace())
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .stdin(Stdio::null());
    command
}

/// The path of the kiosk under test.
///
/// # Panics
/// If `BACKGROUND_SYNC_KIOSK` does not name one.
pub fn kiosk_program() -> PathBuf {
    let kiosk = env::var_os("BACKGROUND_SYNC_KIOSK").map(PathBuf::from);
    kiosk.filter(|path| path.is_file()).expect(
        "BACKGROUND_SYNC_KIOSK must be the path of a built kiosk; run these tests with ./mach test",
    )
}

/// Runs a kiosk to its end, which must come soon.
pub fn run(command: &mut Command) -> Output {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the kiosk can be started");
    let id = child.id();
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output()));
    // The scenario has a deadline of its own, of one minute.
    match ended.recv_timeout(PATIENCE * 3) {
        Ok(output) => output.expect("the kiosk's output can be read"),
        Err(_) => {
            let _ = Command::new("kill")
                .args(["-KILL", &id.to_string()])
                .status();
            panic!("the kiosk did not end");
        }
    }
}

/// How to start a kiosk.
pub struct KioskBuilder {
    command: Command,
    scratch: TempDir,
    has_profile: bool,
    config: String,
    hosts: String,
}

impl KioskBuilder {
    /// Background sync as this `[background_sync]` section says.
    #[must_use]
    pub fn background_sync(self, section: &str) -> Self {
        self.section("background_sync", section)
    }

    /// One more section of the configuration file. A table of an array, `[[permissions]]` say, has the name
    /// `[permissions]`.
    #[must_use]
    pub fn section(mut self, name: &str, fields: &str) -> Self {
        let _ = writeln!(self.config, "[{name}]\n{fields}");
        self
    }

    /// A setting at the top level of the configuration file, `name = "value"` say.
    #[must_use]
    pub fn setting(mut self, line: &str) -> Self {
        // Before every section, which would have it otherwise.
        self.config.insert_str(0, &format!("{line}\n"));
        self
    }

    /// A profile that outlives the process.
    #[must_use]
    pub fn profile(mut self, path: &Path) -> Self {
        self.command.arg("--profile").arg(path);
        self.has_profile = true;
        self
    }

    /// A profile that ends with the process, in this folder as long as it lasts.
    #[must_use]
    pub fn temporary(mut self, folder: &Path) -> Self {
        self.command.arg("--temporary").env("TMPDIR", folder);
        self.has_profile = true;
        self
    }

    /// One more flag.
    #[must_use]
    pub fn flag(mut self, flag: &str) -> Self {
        self.command.arg(flag);
        self
    }

    /// A variable of its environment.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Maps a name to 127.0.0.1.
    #[must_use]
    pub fn host(mut self, name: &str) -> Self {
        let _ = writeln!(self.hosts, "127.0.0.1 {name}");
        self
    }

    /// Starts it with this page, and waits until it takes commands.
    pub fn open(mut self, url: &str) -> Kiosk {
        if !self.has_profile {
            // Goes with the test, even if the kiosk is killed and can't tidy up.
            self.command
                .arg("--profile")
                .arg(self.scratch.path().join("profile"));
        }
        if !self.config.is_empty() {
            let file = self.scratch.path().join("kiosk.toml");
            fs::write(&file, &self.config).expect("a writable folder");
            self.command.arg("--config").arg(file);
        }
        if !self.hosts.is_empty() {
            let file = self.scratch.path().join("hosts");
            fs::write(&file, &self.hosts).expect("a writable folder");
            self.command.env("HOST_FILE", file);
        }
        let mut child = self
            .command
            .args(["--control", "stdio", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the kiosk can be started");
        let stdout = child.stdout.take().expect("piped");
        let (sender, events) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        let commands = child.stdin.take();
        let mut kiosk = Kiosk {
            child,
            commands,
            events,
            seen: Vec::new(),
            unclaimed: Vec::new(),
            lines: 0,
            _scratch: self.scratch,
        };
        kiosk.wait_for("the kiosk to start", |event| event["event"] == "ready");
        kiosk
    }
}

/// A running kiosk. Killed when dropped.
pub struct Kiosk {
    child: Child,
    commands: Option<ChildStdin>,
    events: Receiver<Value>,
    seen: Vec<Value>,
    /// Events that no wait has returned yet.
    unclaimed: Vec<Value>,
    lines: u64,
    _scratch: TempDir,
}

impl Kiosk {
    /// A kiosk to be started.
    pub fn builder() -> KioskBuilder {
        let scratch = tempfile::tempdir().expect("a writable folder for temporary files");
        KioskBuilder {
            command: kiosk_command(),
            scratch,
            has_profile: false,
            config: String::new(),
            hosts: String::new(),
        }
    }

    /// A kiosk to be started with this profile, and retries that are fast enough for a test.
    pub fn with_fast_retries(profile: &Path) -> KioskBuilder {
        Self::builder()
            .background_sync(FAST_RETRIES)
            .profile(profile)
    }

    /// The process has begun again: its next command is its first.
    pub fn number_anew(&mut self) {
        self.lines = 0;
    }

    /// Gives a command; returns the number that its answer carries.
    pub fn command(&mut self, line: &str) -> u64 {
        assert!(!line.contains('\n'), "one command is one line");
        let commands = self.commands.as_mut().expect("the channel is open");
        writeln!(commands, "{line}").expect("the kiosk reads its commands");
        self.lines += 1;
        self.lines
    }

    /// Waits for an event and returns it, or returns it at once if it came while something else was
    /// waited for. No event is returned twice.
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(position) = self.unclaimed.iter().position(&wanted) {
            return self.unclaimed.remove(position);
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) => {
                    self.seen.push(event.clone());
                    if wanted(&event) {
                        return event;
                    }
                    self.unclaimed.push(event);
                }
                Err(RecvTimeoutError::Timeout) => panic!("waited for {what}; {}", self.story()),
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait();
                    panic!(
                        "the kiosk ended ({status:?}) before {what}; {}",
                        self.story()
                    );
                }
            }
        }
    }

    /// Waits for a console line with exactly this text.
    pub fn wait_for_console(&mut self, text: &str) -> Value {
        self.wait_for(&format!("the console line {text:?}"), |event| {
            event["event"] == "console" && event["text"] == text
        })
    }

    /// Waits for a console line with this beginning, and returns the rest.
    pub fn wait_for_report(&mut self, beginning: &str) -> String {
        let begins = |event: &Value| {
            let text = event["text"]
                .as_str()
                .filter(|_| event["event"] == "console");
            text.and_then(|text| text.strip_prefix(beginning))
                .map(str::to_owned)
        };
        let event = self.wait_for(
            &format!("a console line that begins with {beginning:?}"),
            |event| begins(event).is_some(),
        );
        begins(&event).expect("it was waited for")
    }

    /// Waits for a notification of background sync.
    pub fn wait_for_sync(&mut self, kind: &str) -> Value {
        self.wait_for(&format!("the sync notification {kind:?}"), |event| {
            is_sync(event, kind)
        })
    }

    /// Runs a script in the page and returns its value; promises are not waited for.
    pub fn evaluate(&mut self, script: &str) -> Value {
        let number = self.command(&format!("eval {script}"));
        let answer = self.wait_for(&format!("the value of {script:?}"), |event| {
            event["command"] == number
        });
        assert!(answer["error"].is_null(), "{script:?}: {}", answer["error"]);
        answer["value"].clone()
    }

    /// Runs a script whose value is a promise; returns what it resolves with, or the name of what it rejects with.
    pub fn settle(&mut self, script: &str) -> Result<Value, String> {
        let label = format!("settled {}: ", self.lines + 1);
        self.evaluate(&format!("settle({label:?}, async () => ({script})), 0"));
        let report = self.wait_for_report(&label);
        match report.split_once(' ') {
            Some(("ok", value)) => Ok(serde_json::from_str(value).unwrap_or(Value::Null)),
            _ => Err(report.trim_start_matches("error ").to_owned()),
        }
    }

    /// Runs the body of an async function in the page, on one line, as commands are: comments have lines of their own.
    ///
    /// # Panics
    /// If it throws.
    pub fn run(&mut self, body: &str) -> Value {
        let lines = body.lines().map(str::trim);
        let code: Vec<_> = lines.filter(|line| !line.starts_with("//")).collect();
        self.settle(&format!("(async () => {{ {} }})()", code.join(" ")))
            .unwrap_or_else(|error| panic!("{error} in {body}"))
    }

    /// Has the page register a sync, and waits until that is durable.
    ///
    /// # Panics
    /// If it is refused.
    pub fn register_sync(&mut self, tag: &str) {
        self.settle(&format!("registration.sync.register('{tag}')"))
            .expect("registered");
    }

    /// Waits until a service worker controls the page.
    ///
    /// # Panics
    /// If that can't be asked.
    pub fn wait_until_controlled(&mut self) {
        let controlled = "new Promise((resolve) => { \
            const look = () => navigator.serviceWorker.controller && resolve(); \
            navigator.serviceWorker.oncontrollerchange = look; \
            look(); \
          })";
        self.settle(controlled).expect("controlled");
    }

    /// Closes the window and waits until it is closed.
    pub fn close_window(&mut self) {
        self.command("close-window");
        self.wait_for("the window to close", |event| {
            event["event"] == "window-closed"
        });
    }

    /// Cuts or restores the network and waits until that is done.
    pub fn set_network(&mut self, command: &str) {
        self.command(command);
        self.wait_for("the network", |event| event["event"] == "network");
    }

    /// Takes note of what has come since the last wait.
    pub fn catch_up(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.seen.push(event.clone());
            self.unclaimed.push(event);
        }
    }

    /// All events that were waited for, or came before one that was.
    pub fn seen(&self) -> &[Value] {
        &self.seen
    }

    /// Forgets what has come so far: no wait returns it, and no failed one tells it.
    pub fn forget_events(&mut self) {
        self.seen.clear();
        self.unclaimed.clear();
    }

    fn story(&self) -> String {
        let events: Vec<_> = self.seen.iter().map(Value::to_string).collect();
        format!("what happened:\n  {}", events.join("\n  "))
    }
}

impl Drop for Kiosk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_sync(event: &Value, kind: &str) -> bool {
    event["event"] == "sync" && event["kind"] == kind
}
