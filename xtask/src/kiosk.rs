//! Builds and runs the kiosk in the assembled workspace.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;

use crate::command;
use crate::paths::Paths;
use crate::progress::{Progress, clock, crate_of_id, crate_of_status};
use crate::servo::{self, Brought, LocalWork, Offsets};
use crate::setup::{self, Llvm};

/// How often a build says how far it is when nobody watches a terminal.
const LINE_INTERVAL: Duration = Duration::from_secs(10);
/// How often the live line is drawn.
const DRAW_INTERVAL: Duration = Duration::from_millis(500);
/// How much of a failed build is shown; the log has the rest.
const SHOWN_ERROR_LINES: usize = 300;

/// How well the kiosk is optimized.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Profile {
    /// Builds fast.
    Dev,
    /// Runs fast.
    Release,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }
}

/// Everything from a fresh clone to the kiosk; returns the path of its binary.
pub fn build(paths: &Paths, profile: Profile) -> Result<PathBuf> {
    let llvm = setup::ensure_ready()?;
    let _held = paths.hold_cache()?;
    assemble(paths)?;
    compile(paths, &llvm, profile)
}

/// Builds the second embedder with what the kiosk was built with, which must be there already.
pub fn build_embedder(paths: &Paths) -> Result<PathBuf> {
    let llvm = setup::ensure_ready()?;
    let _held = paths.hold_cache()?;
    let mut build = cargo(paths, &llvm);
    build.args(["build", "--locked", "--quiet"]);
    // Both are named: alone, it would need fewer features of its dependencies, and Servo would be compiled again.
    for package in ["background_sync_kiosk", "background_sync_embedder"] {
        build.args(["--package", package]);
    }
    let status = command::status(&mut build)?;
    ensure!(status.success(), "the second embedder could not be built");
    Ok(paths.target().join("debug/embedder"))
}

fn assemble(paths: &Paths) -> Result<()> {
    // A test run by machine tests what was committed; nobody is there to be asked.
    let unattended = std::env::var_os("CI").is_some_and(|value| value == "true");
    let local = if unattended {
        LocalWork::Drop
    } else {
        LocalWork::Keep
    };
    match servo::apply(paths, local, Offsets::Refuse)? {
        Brought::ToSeries => {}
        Brought::KeptLocalWork => eprintln!(
            "Note: {} has work that servo/patches does not have yet; it is built as it is.",
            paths.crates().display()
        ),
        Brought::WithBackup(branch) => eprintln!(
            "Note: what {} had besides servo/patches is now on its branch {branch}.",
            paths.crates().display()
        ),
    }
    Ok(())
}

/// Cargo in the assembled workspace, with the variables that it must always be run with: others mean
/// that SpiderMonkey is compiled again.
pub fn cargo(paths: &Paths, llvm: &Llvm) -> Command {
    let mut cargo = command::cargo();
    cargo
        .current_dir(paths.tree())
        .env("LIBCLANG_PATH", &llvm.library_folder)
        .env("CLANG_PATH", &llvm.clang)
        .env("CARGO_TARGET_DIR", paths.target());
    cargo
}

fn compile(paths: &Paths, llvm: &Llvm, profile: Profile) -> Result<PathBuf> {
    let log_path = paths.logs().join(format!("build-{}.log", profile.name()));
    fs::create_dir_all(paths.logs())
        .with_context(|| format!("cannot create {}", paths.logs().display()))?;
    let log =
        File::create(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;

    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    let progress = Progress::new(list_crates(paths, llvm)?, cores);
    let mut build = cargo(paths, llvm);
    build.args([
        "build",
        "--locked",
        "--message-format",
        "json",
        "--profile",
        profile.name(),
    ]);
    build
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = build
        .spawn()
        .map_err(|error| command::start_error(&build, error))?;
    let (sender, events) = channel();
    read_lines(child.stdout.take(), sender.clone(), Event::Message);
    read_lines(child.stderr.take(), sender, Event::Status);

    let mut watch = Watch::new(progress, log);
    watch.follow(&events)?;
    let status = child.wait().context("cannot wait for cargo")?;
    watch.end(status.success());
    if !status.success() {
        if watch.errors.iter().any(|line| line.contains("--locked")) {
            bail!("servo/Cargo.lock lacks what a manifest asks for: run `cargo xtask servo lock`");
        }
        watch.show_errors();
        bail!(
            "the kiosk could not be built; the whole log is {}",
            log_path.display()
        );
    }
    watch
        .executable
        .context("cargo built no binary for the kiosk")
}

/// The crates that the kiosk is made of, as `name version`.
fn list_crates(paths: &Paths, llvm: &Llvm) -> Result<BTreeSet<String>> {
    let mut tree = cargo(paths, llvm);
    tree.args([
        "tree",
        "--locked",
        "--quiet",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
    ]);
    tree.args(["--format", "{p}"]);
    // Not worth an error of its own: whatever is wrong here, the build says it better.
    let text = command::text(&mut tree).unwrap_or_default();
    Ok(text.lines().filter_map(crate_of_status).collect())
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

#[derive(Deserialize)]
struct Message {
    reason: String,
    package_id: Option<String>,
    target: Option<Target>,
    executable: Option<PathBuf>,
    message: Option<Diagnostic>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    src_path: PathBuf,
}

#[derive(Deserialize)]
struct Diagnostic {
    level: String,
    rendered: Option<String>,
}

/// What is known about the running build.
struct Watch {
    progress: Progress,
    log: File,
    started: Instant,
    bar: Option<ProgressBar>,
    said_at: Duration,
    errors: Vec<String>,
    executable: Option<PathBuf>,
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
        let Ok(message) = serde_json::from_str::<Message>(line) else {
            return;
        };
        if let Some(diagnostic) = message.message {
            let rendered = diagnostic.rendered.unwrap_or_default();
            // The disk being full must not hide the diagnostic itself.
            let _ = self.log.write_all(rendered.as_bytes());
            if diagnostic.level.starts_with("error") {
                self.errors.extend(rendered.lines().map(str::to_owned));
            } else if message
                .target
                .is_some_and(|target| is_ours(&target.src_path))
            {
                self.print(rendered.trim_end());
            }
            return;
        }
        let name = message.package_id.as_deref().and_then(crate_of_id);
        if message.reason == "build-script-executed"
            && let Some(name) = &name
        {
            self.progress
                .handle_script_run(name, self.started.elapsed());
        }
        if message.reason != "compiler-artifact" {
            return;
        }
        let is_build_script = message
            .target
            .as_ref()
            .is_some_and(|target| target.kind.iter().any(|kind| kind == "custom-build"));
        if is_build_script {
            return;
        }
        self.executable = message.executable.or(self.executable.take());
        if let Some(name) = name {
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

    fn show_errors(&self) {
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
fn is_ours(source: &Path) -> bool {
    !source
        .components()
        .any(|part| part.as_os_str() == "crates" || part.as_os_str() == "registry")
}

/// Where sessions have sockets and the like. Graphics libraries complain without it, although they need none of it.
const RUNTIME_VARIABLE: &str = "XDG_RUNTIME_DIR";

/// Gives a process that runs the kiosk a runtime folder, where the system has none, as in a container.
pub fn give_runtime_folder<'a>(command: &'a mut Command, paths: &Paths) -> Result<&'a mut Command> {
    if std::env::var_os(RUNTIME_VARIABLE).is_none() {
        let folder = paths.runtime();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        command.env(RUNTIME_VARIABLE, folder);
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_move_the_build_on_and_errors_are_kept() -> Result<()> {
        let crates = BTreeSet::from(["log 0.4.0".to_owned(), "kiosk 0.1.0".to_owned()]);
        let log = tempfile::tempfile()?;
        let mut watch = Watch::new(Progress::new(crates, 2), log);
        watch.handle_status("   Compiling log v0.4.0")?;
        let artifact = |id: &str, kind: &str, executable: &str| {
            format!(
                "{{\"reason\":\"compiler-artifact\",\"package_id\":\"{id}\",\"target\":{{\"kind\":\
                 [\"{kind}\"],\"src_path\":\"/x/lib.rs\"}},\"executable\":{executable}}}"
            )
        };
        watch.handle_message(&artifact("registry+x#log@0.4.0", "custom-build", "null"));
        assert_eq!(watch.progress.done(), 0);
        watch.handle_message(&artifact("registry+x#log@0.4.0", "lib", "null"));
        watch.handle_message(&artifact(
            "path+file:///k#kiosk@0.1.0",
            "bin",
            "\"/t/kiosk\"",
        ));
        assert_eq!(watch.progress.done(), 2);
        assert_eq!(watch.executable, Some(PathBuf::from("/t/kiosk")));
        watch.handle_status("error: could not compile `kiosk`")?;
        assert_eq!(watch.errors, ["error: could not compile `kiosk`"]);
        Ok(())
    }
}
