//! The kiosk and the other embedder, started and stopped.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use background_sync_bench_browsers::browser::Process;
use tempfile::TempDir;

use crate::site::{Requested, Site};

/// Who is started.
pub enum Embedder<'a> {
    /// The kiosk.
    Kiosk(&'a Path),
    /// The embedder of Servo as published, which makes itself a profile.
    Unpatched(&'a Path),
}

impl Embedder<'_> {
    /// Milliseconds until the site gets this request.
    pub fn time_to(
        &self,
        profile: &Profile,
        url: &str,
        site: &Site,
        requested: Requested,
    ) -> Result<f64> {
        let mut command = self.command();
        if let Self::Kiosk(_) = self {
            command.arg("--profile").arg(profile.path());
        }
        command.arg(url).stdout(Stdio::null()).stderr(Stdio::null());
        site.forget();
        let start = Instant::now();
        let mut process = Process(command.spawn().context("it can't be started")?);
        let at = site.wait_for(requested);
        let ended = process.0.try_wait()?;
        let at = at.with_context(|| format!("{:?} with {url}: {ended:?}", self.path()))?;
        Ok(at.duration_since(start).as_secs_f64() * 1e3)
    }

    fn path(&self) -> &Path {
        let (Self::Kiosk(path) | Self::Unpatched(path)) = self;
        path
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.path());
        command
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .arg("--headless")
            .stdin(Stdio::null());
        command
    }
}

/// A profile of the kiosk.
pub struct Profile(TempDir);

impl Profile {
    /// One in which a sync waits for the network.
    pub fn with_due_sync(kiosk: &Embedder<'_>, folder: &Path, site: &Site) -> Result<Self> {
        let profile = Self(tempfile::tempdir_in(folder).context("no folder for a profile")?);
        let mut command = kiosk.command();
        command
            .args(["--control", "stdio"])
            .arg("--profile")
            .arg(profile.path())
            .arg(site.installing_url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Process(command.spawn().context("it can't be started")?);
        let mut commands = process.0.stdin.take().expect("piped above");
        let events = process.0.stdout.take().expect("piped above");
        let mut lines = BufReader::new(events).lines();
        let mut wait_for = |text: &str| -> Result<()> {
            loop {
                let line = lines.next().context("the kiosk has ended")??;
                if line.contains("failed: ") {
                    bail!("{line}");
                }
                if line.contains(text) {
                    return Ok(());
                }
            }
        };
        wait_for(r#""installed""#)?;
        writeln!(commands, "offline")?;
        wait_for(r#""online":false"#)?;
        writeln!(commands, "eval register().catch(failed), 0")?;
        wait_for(r#""registered""#)?;
        writeln!(commands, "quit")?;
        let status = process.0.wait()?;
        ensure!(status.success(), "the kiosk ended with {status}");
        Ok(profile)
    }

    /// Another one with the same files.
    pub fn copy(&self, folder: &Path) -> Result<Self> {
        let copy = Self(tempfile::tempdir_in(folder).context("no folder for a profile")?);
        copy_folder(&self.path(), &copy.path())?;
        Ok(copy)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("profile")
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &target)?,
            false => {
                fs::copy(entry.path(), &target)?;
                // Otherwise the browser's first flush would write it.
                File::open(target)?.sync_all()?;
            }
        }
    }
    Ok(())
}
