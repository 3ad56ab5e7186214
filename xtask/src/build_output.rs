//! Follows cargo while it builds: what to show of it, and what is learnt from its messages. Cargo's own progress bar counts
//! crates, of which one takes most of the time, and needs a terminal.

use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cargo_metadata::camino::Utf8Path;
use cargo_metadata::diagnostic::DiagnosticLevel;
use cargo_metadata::{Artifact, CompilerMessage, Message};
use indicatif::{ProgressBar, ProgressStyle};

use crate::build_progress::{Progress, clock, crate_of_id, crate_of_status};
use crate::spidermonkey;

/// How often a build says how far it is when nobody watches a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// How often the live line is drawn.
const DRAW_INTERVAL: Duration = Duration::from_millis(500);
/// How much of a failed build is shown; the log has the rest.
const SHOWN_ERROR_LINES: usize = 300;

/// Shows what cargo does until it has ended. Both of its outputs must be pipes.
pub fn follow(mut cargo: Child, progress: Progress, log: File) -> Result<(ExitStatus, Watch)> {
    let (sender, events) = channel();
    read_lines(cargo.stdout.take(), sender.clone(), Event::Message);
    read_lines(cargo.stderr.take(), sender, Event::Status);
    let mut watch = Watch::new(progress, log);
    watch.follow(&events)?;
    let status = cargo.wait().context("cannot wait for cargo")?;
    watch.end(status.success());
    Ok((status, watch))
}

enum Event {
    /// A line of cargo's standard output: a message as JSON.
    Message(String),
    /// A line of its standard error.
    Status(String),
}

fn read_lines<R: std::io::Read + Send + 'static>(
    from: Option<R>,
    to: Sender<Event>,
    wrap: fn(String) -> Event,
) {
    let Some(from) = from else { return };
    thread::spawn(move || {
        let mut reader = BufReader::new(from);
        let mut line = Vec::new();
        // Compilers may print anything: a line that is no UTF-8 is shown as well as can be.
        while reader
            .read_until(b'\n', &mut line)
            .is_ok_and(|count| count > 0)
        {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if to.send(wrap(text)).is_err() {
                break;
            }
            line.clear();
        }
    });
}

/// What is known about a build.
pub struct Watch {
    progress: Progress,
    log: File,
    started: Instant,
    bar: Option<ProgressBar>,
    said_at: Duration,
    /// What to show if it fails.
    pub errors: Vec<String>,
    /// The binary.
    pub executable: Option<PathBuf>,
    /// Where SpiderMonkey's build script has put its results.
    pub spidermonkey: Option<PathBuf>,
    /// Something was compiled, so there is something to tell.
    busy: bool,
}

impl Watch {
    fn new(progress: Progress, log: File) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} Servo  {msg}");
            ProgressBar::new_spinner()
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        });
        let started = Instant::now();
        let said_at = Duration::ZERO;
        Self {
            progress,
            log,
            started,
            bar,
            said_at,
            errors: vec![],
            executable: None,
            spidermonkey: None,
            busy: false,
        }
    }

    fn follow(&mut self, events: &Receiver<Event>) -> Result<()> {
        loop {
            match events.recv_timeout(DRAW_INTERVAL) {
                Ok(Event::Message(line)) => self.handle_message(&line),
                Ok(Event::Status(line)) => self.handle_status(&line)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.say();
        }
    }

    fn handle_message(&mut self, line: &str) {
        match serde_json::from_str(line) {
            Ok(Message::CompilerMessage(message)) => self.handle_diagnostic(message),
            Ok(Message::CompilerArtifact(artifact)) => self.handle_artifact(artifact),
            Ok(Message::BuildScriptExecuted(script)) => {
                let Some(name) = crate_of_id(&script.package_id.repr) else {
                    return;
                };
                self.progress
                    .handle_script_run(&name, self.started.elapsed());
                if name.starts_with(spidermonkey::CRATE) {
                    self.spidermonkey = Some(script.out_dir.into());
                }
            }
            _ => {}
        }
    }

    fn handle_diagnostic(&mut self, message: CompilerMessage) {
        let rendered = message.message.rendered.unwrap_or_default();
        // The disk being full must not hide the diagnostic itself.
        let _ = self.log.write_all(rendered.as_bytes());
        match message.message.level {
            DiagnosticLevel::Error | DiagnosticLevel::Ice => {
                self.errors.extend(rendered.lines().map(str::to_owned));
            }
            _ if is_ours(&message.target.src_path) => self.print(rendered.trim_end()),
            _ => {}
        }
    }

    fn handle_artifact(&mut self, artifact: Artifact) {
        if artifact.target.is_custom_build() {
            return;
        }
        if let Some(executable) = artifact.executable {
            self.executable = Some(executable.into());
        }
        if let Some(name) = crate_of_id(&artifact.package_id.repr) {
            self.progress.handle_finished(&name, self.started.elapsed());
        }
    }

    fn handle_status(&mut self, line: &str) -> Result<()> {
        writeln!(self.log, "{line}").context("cannot write the log of the build")?;
        let (verb, rest) = line.trim_start().split_once(' ').unwrap_or((line, ""));
        match verb {
            "Compiling" => {
                self.busy = true;
                if let Some(name) = crate_of_status(rest) {
                    self.progress.handle_started(&name, self.started.elapsed());
                }
            }
            "Blocking" => self.print(line.trim_start()),
            "Downloading" | "Downloaded" | "Updating" | "Locking" | "Adding" | "Fresh"
            | "Finished" | "warning:" => {}
            _ => self.errors.push(line.to_owned()),
        }
        Ok(())
    }

    fn say(&mut self) {
        let now = self.started.elapsed();
        if let Some(bar) = &self.bar {
            bar.set_message(self.progress.line(now));
            bar.tick();
        } else if now >= self.said_at + LINE_INTERVAL {
            self.said_at = now;
            eprintln!("Servo  {}", self.progress.line(now));
        }
    }

    fn print(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }

    fn end(&self, success: bool) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        if success && self.busy {
            eprintln!(
                "Servo and the kiosk were built in {}.",
                clock(self.started.elapsed())
            );
        }
    }

    /// The last of the errors.
    pub fn show_errors(&self) {
        let left_out = self.errors.len().saturating_sub(SHOWN_ERROR_LINES);
        if left_out > 0 {
            eprintln!("({left_out} lines before these are in the log)");
        }
        for line in self.errors.iter().skip(left_out) {
            eprintln!("{line}");
        }
    }
}

/// Warnings are shown for our code; Servo's are its own.
fn is_ours(source: &Utf8Path) -> bool {
    !source
        .components()
        .any(|part| ["crates", "registry"].contains(&part.as_str()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::process::Stdio;

    use super::*;

    #[test]
    fn messages_move_the_build_on_and_errors_are_kept() -> Result<()> {
        let crates = BTreeSet::from(["log 0.4.0".to_owned(), "kiosk 0.1.0".to_owned()]);
        let log = tempfile::tempfile()?;
        let mut watch = Watch::new(Progress::new(crates), log);
        watch.handle_status("   Compiling log v0.4.0")?;
        let artifact = |id: &str, kind: &str, executable: Option<&str>| {
            serde_json::json!({
                "reason": "compiler-artifact", "package_id": id, "manifest_path": "/x/Cargo.toml",
                "target": {
                    "kind": [kind], "crate_types": [kind], "name": "x", "src_path": "/x/lib.rs",
                    "edition": "2024", "doc": true, "doctest": false, "test": true
                },
                "profile": {
                    "opt_level": "0", "debuginfo": 0, "debug_assertions": true,
                    "overflow_checks": true, "test": false
                },
                "features": [], "filenames": [], "executable": executable, "fresh": false
            })
            .to_string()
        };
        watch.handle_message(&artifact("registry+x#log@0.4.0", "custom-build", None));
        assert_eq!(watch.progress.done(), 0);
        watch.handle_message(&artifact("registry+x#log@0.4.0", "lib", None));
        watch.handle_message(&artifact(
            "path+file:///k#kiosk@0.1.0",
            "bin",
            Some("/t/kiosk"),
        ));
        assert_eq!(watch.progress.done(), 2);
        assert_eq!(watch.executable, Some(PathBuf::from("/t/kiosk")));
        watch.handle_status("error: could not compile `kiosk`")?;
        assert_eq!(watch.errors, ["error: could not compile `kiosk`"]);
        Ok(())
    }

    #[test]
    fn a_real_build_is_followed_to_its_end() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let write = |file: &str, text: &str| {
            crate::files::write_if_different(&folder.path().join(file), text.as_bytes())
        };
        let package =
            "[package]\nname = \"kiosk\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
        write("Cargo.toml", package)?;
        write("build.rs", "fn main() {}")?;
        write("src/main.rs", "fn main() { let unused = 1; }")?;
        let mut cargo = crate::command::cargo();
        cargo
            .current_dir(folder.path())
            .env("CARGO_TARGET_DIR", folder.path().join("target"))
            .args(["build", "--offline", "--message-format", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let progress = Progress::new(BTreeSet::from(["kiosk 0.1.0".to_owned()]));
        let (status, watch) = follow(cargo.spawn()?, progress, tempfile::tempfile()?)?;
        assert!(status.success(), "{:?}", watch.errors);
        assert_eq!(watch.progress.done(), 1);
        assert!(
            watch.busy
                && watch
                    .executable
                    .is_some_and(|kiosk| kiosk.ends_with("debug/kiosk"))
        );
        Ok(())
    }
}
