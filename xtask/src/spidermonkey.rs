//! SpiderMonkey is compiled once: a second profile, or another workspace, takes what the first has made.
//!
//! Its build is the same in every profile, and takes most of the time that the first build of Servo needs. `mozjs_sys`
//! can use an archive of the results instead; cargo runs its build script again whenever the variable that names the
//! archive is another one, so what a profile was built from is written down.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;
use toml_edit::DocumentMut;

use crate::command;
use crate::files::write_if_different;
use crate::paths::Paths;

/// The crate that compiles it.
pub const CRATE: &str = "mozjs_sys";
/// Names an archive to be used instead of the sources.
const ARCHIVE_VARIABLE: &str = "MOZJS_ARCHIVE";
/// What its build leaves, below the build script's own folder, and what an archive consists of.
const RESULTS: [&str; 5] = [
    "js/src/build/libjs_static.a",
    "libjsapi.a",
    "libjsglue.a",
    "jsapi.rs",
    "gluebindings.rs",
];

/// Where a profile's SpiderMonkey comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// Compiled, or downloaded by the crate itself.
    Own,
    /// What another profile's build has left.
    Archive(PathBuf),
}

/// What is known of the release of SpiderMonkey that is locked.
#[derive(Clone, Debug)]
pub struct SpiderMonkey {
    folder: PathBuf,
}

impl SpiderMonkey {
    /// Reads which release is locked.
    pub fn find(paths: &Paths) -> Result<Self> {
        let lock = paths.tree().join("Cargo.lock");
        let text = fs::read_to_string(&lock)?;
        let version =
            locked_version(&text).with_context(|| format!("{} lacks {CRATE}", lock.display()))?;
        Ok(Self {
            folder: paths.cache.join("spidermonkey").join(version),
        })
    }

    /// Where a profile's SpiderMonkey is to come from. May pack an archive, which takes a minute.
    pub fn source(&self, profile: &str) -> Source {
        // What was built from its own sources stays so: anything else would build everything above it again.
        if self.own_results(profile).is_some() {
            return Source::Own;
        }
        let archive = self.folder.join("results.tar.gz");
        if archive.is_file() {
            return Source::Archive(archive);
        }
        let Some(results) = self.any_results() else {
            return Source::Own;
        };
        match pack(&results, &archive) {
            Ok(()) => Source::Archive(archive),
            Err(error) => {
                eprintln!("Note: SpiderMonkey is compiled again: {error:#}");
                Source::Own
            }
        }
    }

    /// Notes where the build script of a profile has put its results, unless it had an archive's.
    pub fn note_results(&self, profile: &str, out_dir: &Path) -> Result<()> {
        if self.source(profile) != Source::Own {
            return Ok(());
        }
        let text = out_dir.join("build").display().to_string();
        write_if_different(&self.note(profile), text.as_bytes()).map(drop)
    }

    fn note(&self, profile: &str) -> PathBuf {
        self.folder.join(format!("built-{profile}"))
    }

    /// The results of a profile that was built without an archive, if they are still there.
    fn own_results(&self, profile: &str) -> Option<PathBuf> {
        let folder = PathBuf::from(fs::read_to_string(self.note(profile)).ok()?);
        let complete = RESULTS.iter().all(|file| folder.join(file).is_file());
        complete.then_some(folder)
    }

    fn any_results(&self) -> Option<PathBuf> {
        ["dev", "release"]
            .into_iter()
            .find_map(|profile| self.own_results(profile))
    }
}

impl Source {
    /// Has cargo use it.
    pub fn apply(&self, cargo: &mut Command) {
        match self {
            Self::Own => cargo.env_remove(ARCHIVE_VARIABLE),
            Self::Archive(archive) => cargo.env(ARCHIVE_VARIABLE, archive),
        };
    }
}

fn locked_version(lock: &str) -> Result<String> {
    let document: DocumentMut = lock.parse().context("the lock file is no TOML")?;
    let packages = document
        .get("package")
        .and_then(|packages| packages.as_array_of_tables())
        .context("no packages")?;
    packages
        .iter()
        .find(|package| package.get("name").and_then(|name| name.as_str()) == Some(CRATE))
        .and_then(|package| package.get("version")?.as_str())
        .map(str::to_owned)
        .context("not found")
}

/// Writes the archive beside its place first: half of one must not be taken for one.
fn pack(results: &Path, archive: &Path) -> Result<()> {
    eprintln!("Packing SpiderMonkey, so that it need not be compiled again.");
    let partial = archive.with_extension("partial");
    command::output(
        Command::new("tar")
            .arg("--create")
            .arg("--gzip")
            .arg("--file")
            .arg(&partial)
            .arg("--directory")
            .arg(results)
            .args(RESULTS),
    )?;
    Ok(fs::rename(&partial, archive)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str =
        "version = 4\n\n[[package]]\nname = \"mozjs_sys\"\nversion = \"153.3.0-1\"\n";

    fn cache() -> Result<(tempfile::TempDir, SpiderMonkey)> {
        let folder = tempfile::tempdir()?;
        let folder_of_release = folder.path().join("spidermonkey");
        let spidermonkey = SpiderMonkey {
            folder: folder_of_release,
        };
        Ok((folder, spidermonkey))
    }

    fn build(folder: &Path) -> Result<PathBuf> {
        let out = folder.join("out");
        for file in RESULTS {
            write_if_different(&out.join("build").join(file), file.as_bytes())?;
        }
        Ok(out)
    }

    #[test]
    fn the_locked_version_is_found() -> Result<()> {
        assert_eq!(locked_version(LOCK)?, "153.3.0-1");
        assert!(locked_version("version = 4\n").is_err());
        Ok(())
    }

    #[test]
    fn a_second_profile_takes_what_the_first_has_made() -> Result<()> {
        let (folder, spidermonkey) = cache()?;
        assert_eq!(spidermonkey.source("dev"), Source::Own);
        let out = build(folder.path())?;
        spidermonkey.note_results("dev", &out)?;
        assert_eq!(spidermonkey.source("dev"), Source::Own);

        let Source::Archive(archive) = spidermonkey.source("release") else {
            anyhow::bail!("the second profile compiles it again");
        };
        let mut list = Command::new("tar");
        list.arg("--list").arg("--file").arg(&archive);
        let listed = command::text(&mut list)?;
        assert_eq!(listed.lines().collect::<Vec<_>>(), RESULTS);

        // The first profile's results may be cleaned away: the second stays with the archive.
        fs::remove_dir_all(&out)?;
        assert_eq!(spidermonkey.source("release"), Source::Archive(archive));
        Ok(())
    }

    #[test]
    fn results_that_are_incomplete_are_not_taken() -> Result<()> {
        let (folder, spidermonkey) = cache()?;
        let out = build(folder.path())?;
        spidermonkey.note_results("dev", &out)?;
        fs::remove_file(out.join("build/jsapi.rs"))?;
        assert_eq!(spidermonkey.source("release"), Source::Own);
        Ok(())
    }
}
