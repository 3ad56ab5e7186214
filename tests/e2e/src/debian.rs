//! A bare Debian system in a container, with systemd as its first process, as on a device.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// What a container needs on this machine.
const TOOLS: [&str; 4] = ["mmdebstrap", "systemd-nspawn", "nsenter", "dpkg-deb"];

/// What a bare system has: Debian's essential packages, and what makes it start.
const BARE: &str = "--include=systemd-sysv,dbus";

/// How long the system may take to start.
const START_PATIENCE: Duration = Duration::from_secs(120);

/// A running system. It ends, and its files go, when it is dropped.
pub struct Debian {
    root: PathBuf,
    _folder: TempDir,
    nspawn: Child,
    /// Its first process, by the machine's numbers.
    leader: u32,
}

impl Debian {
    /// Starts a bare system of the release that this machine runs. `cache` keeps its packed files for the next time.
    ///
    /// # Errors
    /// What this machine lacks.
    pub fn start(cache: &Path) -> Result<Self, String> {
        for tool in TOOLS {
            run(Command::new(tool).arg("--version")).map_err(|_| {
                format!("{tool} is missing: apt-get install mmdebstrap systemd-container")
            })?;
        }
        let packed = pack(cache)?;
        let folder = tempfile::tempdir_in(cache).map_err(|error| error.to_string())?;
        let root = folder.path().join("root");
        fs::create_dir(&root).map_err(|error| error.to_string())?;
        let mut unpack = Command::new("tar");
        unpack.arg("--extract").arg("--file").arg(&packed);
        run(unpack.arg("--directory").arg(&root))?;
        let log = File::create(folder.path().join("console")).map_err(|error| error.to_string())?;
        let nspawn = Command::new("systemd-nspawn")
            .args([
                "--boot",
                "--register=no",
                "--keep-unit",
                "--console=pipe",
                "--quiet",
                "--directory",
            ])
            .arg(&root)
            .stdin(Stdio::null())
            .stderr(log.try_clone().map_err(|error| error.to_string())?)
            .stdout(log)
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut debian = Self {
            root,
            _folder: folder,
            nspawn,
            leader: 0,
        };
        debian.wait_for_start()?;
        Ok(debian)
    }

    fn wait_for_start(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START_PATIENCE;
        let id = self.nspawn.id();
        let children = format!("/proc/{id}/task/{id}/children");
        // Nobody is told when a system has started but itself.
        while Instant::now() < deadline {
            let leader = fs::read_to_string(&children).unwrap_or_default();
            if let Some(leader) = leader.split(' ').next().and_then(|id| id.parse().ok()) {
                self.leader = leader;
                let state = self.command("systemctl is-system-running").output();
                let state = state.map_err(|error| error.to_string())?.stdout;
                if matches!(state.trim_ascii(), b"running" | b"degraded") {
                    return Ok(());
                }
            }
            thread::sleep(Duration::from_millis(100));
        }
        Err("the system in the container does not start".to_owned())
    }

    /// The path outside of a file in the system.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside.trim_start_matches('/'))
    }

    /// A shell of its root user that runs this, and stops at the first command that fails.
    pub fn command(&self, script: &str) -> Command {
        let mut nsenter = Command::new("nsenter");
        nsenter
            .args(["--target", &self.leader.to_string()])
            .args(["--mount", "--uts", "--ipc", "--pid", "--cgroup", "--"])
            .args(["sh", "-e", "-c", &format!("cd /root\n{script}")])
            .env_clear()
            .env(
                "PATH",
                "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            )
            .env("HOME", "/root")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null());
        nsenter
    }

    /// Runs this to its end; returns what it prints.
    ///
    /// # Errors
    /// What it printed, if it failed.
    pub fn run(&self, script: &str) -> Result<String, String> {
        let output =
            run(&mut self.command(script)).map_err(|error| format!("{script}\n{error}"))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs this again and again until it succeeds.
    ///
    /// # Errors
    /// If that takes longer than this.
    pub fn run_until(&self, script: &str, patience: Duration) -> Result<String, String> {
        let deadline = Instant::now() + patience;
        loop {
            match self.run(script) {
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => thread::sleep(Duration::from_millis(200)),
                printed => return printed,
            }
        }
    }
}

impl Drop for Debian {
    fn drop(&mut self) {
        // The container ends with its first process; what fails here has ended already.
        let _ = Command::new("kill")
            .args(["-KILL", &self.leader.to_string()])
            .status();
        let _ = self.nspawn.wait();
    }
}

fn pack(cache: &Path) -> Result<PathBuf, String> {
    fs::create_dir_all(cache).map_err(|error| error.to_string())?;
    let release = fs::read_to_string("/etc/os-release").map_err(|error| error.to_string())?;
    let name = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .ok_or("this machine runs no release of Debian")?;
    let packed = cache.join(format!("{name}.tar"));
    if !packed.is_file() {
        eprintln!("Making a bare Debian system, {name}: two minutes.");
        let partial = cache.join(format!("{name}.partial.tar"));
        let mut mmdebstrap = Command::new("mmdebstrap");
        mmdebstrap.args(["--quiet", "--variant=minbase", BARE, name]);
        run(mmdebstrap.arg(&partial))?;
        fs::rename(&partial, &packed).map_err(|error| error.to_string())?;
    }
    Ok(packed)
}

/// Runs a command to its end.
///
/// # Errors
/// What it printed, if it failed.
pub fn run(command: &mut Command) -> Result<Output, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error: io::Error| error.to_string())?;
    if output.status.success() {
        return Ok(output);
    }
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    Err(format!("{}: {out}{err}", output.status))
}
