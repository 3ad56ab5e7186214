//! Builds and runs the kiosk in the assembled workspace. Cargo builds it; what it has to be told, and must not see, is here.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::build_output;
use crate::build_progress::{Progress, crate_of_status};
use crate::command;
use crate::paths::{self, Paths};
use crate::servo::{self, Brought, Group, LocalWork, Offsets};
use crate::setup::{self, Llvm};
use crate::spidermonkey::SpiderMonkey;

/// How well the kiosk is optimized.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Profile {
    /// Builds fast.
    Dev,
    /// Runs fast.
    Release,
}

impl Profile {
    /// What `--release` asks for, or its absence.
    pub fn new(is_release: bool) -> Self {
        match is_release {
            true => Self::Release,
            false => Self::Dev,
        }
    }

    /// As cargo knows it.
    pub fn name(self) -> &'static str {
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
    compile(paths, &llvm, profile, &Workspace::whole(paths))
}

/// A kiosk that the user has named, or one that is built.
pub fn named_or_built(paths: &Paths, named: Option<&Path>, profile: Profile) -> Result<PathBuf> {
    named.map_or_else(|| build(paths, profile), paths::absolute)
}

/// The same as [`build`] without a group of patches. What it shares with the whole kiosk is compiled once.
pub fn build_without(paths: &Paths, profile: Profile, group: Group) -> Result<PathBuf> {
    let llvm = setup::ensure_ready()?;
    let _held = paths.hold_cache()?;
    let folder = servo::apply_without(paths, group)?;
    let built = compile(paths, &llvm, profile, &Workspace::without(&folder))?;
    // The next build of the whole kiosk takes that place.
    let kept = folder.join(format!("kiosk-{}", profile.name()));
    if kept.exists() {
        fs::remove_file(&kept).with_context(|| format!("cannot replace {}", kept.display()))?;
    }
    fs::hard_link(&built, &kept)
        .with_context(|| format!("cannot keep the kiosk as {}", kept.display()))?;
    Ok(kept)
}

/// What the kiosk is built in, and what it needs cargo to be told.
struct Workspace {
    folder: PathBuf,
    flag: &'static str,
}

impl Workspace {
    fn whole(paths: &Paths) -> Self {
        Self {
            folder: paths.tree(),
            flag: "--locked",
        }
    }

    /// The kiosk's features are the groups that it can do without. Nothing is locked: `servo/Cargo.lock` knows dependencies
    /// that only the group has. Cargo takes them out, and the versions of all others from there.
    fn without(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            flag: "--no-default-features",
        }
    }
}

/// Builds the second embedder with what the kiosk was built with, which must be there already.
pub fn build_embedder(paths: &Paths) -> Result<PathBuf> {
    let llvm = setup::ensure_ready()?;
    let _held = paths.hold_cache()?;
    let mut build = cargo(paths, &llvm, Profile::Dev);
    build.args(["build", "--locked", "--quiet"]);
    // Both are named: alone, it would need fewer features of its dependencies, and Servo would be compiled again.
    for package in ["background_sync_kiosk", "background_sync_embedder"] {
        build.args(["--package", package]);
    }
    let status = command::status(&mut build)?;
    ensure!(status.success(), "the second embedder could not be built");
    Ok(paths.target().join("debug/embedder"))
}

/// Brings the assembled workspace in step with the source tree. The cache must be held.
pub fn assemble(paths: &Paths) -> Result<()> {
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
pub fn cargo(paths: &Paths, llvm: &Llvm, profile: Profile) -> Command {
    let mut cargo = command::cargo();
    // A workspace without a lock file has no build yet either.
    if let Ok(spidermonkey) = SpiderMonkey::find(paths) {
        spidermonkey.source(profile.name()).apply(&mut cargo);
    }
    cargo
        .current_dir(paths.tree())
        .env("LIBCLANG_PATH", &llvm.library_folder)
        .env("CLANG_PATH", &llvm.clang)
        .env("CARGO_TARGET_DIR", paths.target());
    cargo
}

fn compile(paths: &Paths, llvm: &Llvm, profile: Profile, workspace: &Workspace) -> Result<PathBuf> {
    let log_path = paths.logs().join(format!("build-{}.log", profile.name()));
    fs::create_dir_all(paths.logs())
        .with_context(|| format!("cannot create {}", paths.logs().display()))?;
    let log =
        File::create(&log_path).with_context(|| format!("cannot write {}", log_path.display()))?;

    let progress = Progress::new(list_crates(paths, llvm, profile, workspace)?);
    let mut build = cargo(paths, llvm, profile);
    build
        .current_dir(&workspace.folder)
        .args(["build", workspace.flag, "--message-format", "json"])
        .args(["--profile", profile.name()]);
    build
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = build
        .spawn()
        .map_err(|error| command::start_error(&build, error))?;
    let (status, watch) = build_output::follow(child, progress, log)?;
    if let Some(out_dir) = &watch.spidermonkey {
        SpiderMonkey::find(paths)?.note_results(profile.name(), out_dir)?;
    }
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
fn list_crates(
    paths: &Paths,
    llvm: &Llvm,
    profile: Profile,
    workspace: &Workspace,
) -> Result<BTreeSet<String>> {
    let mut tree = cargo(paths, llvm, profile);
    tree.current_dir(&workspace.folder)
        .args(["tree", workspace.flag, "--quiet"])
        .args("--edges normal,build --prefix none --format {p}".split(' '));
    // Not worth an error of its own: whatever is wrong here, the build says it better.
    let text = command::text(&mut tree).unwrap_or_default();
    Ok(text.lines().filter_map(crate_of_status).collect())
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
