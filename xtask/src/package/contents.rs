//! What the package has beside the program and the files of `ports/kiosk/package`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use fs_err as fs;

use crate::command;
use crate::git;
use crate::paths::Paths;

/// As Debian wants man pages and changelogs.
const GZIP: [&str; 3] = ["--best", "--no-name", "--force"];

/// What the package's files are made from.
pub struct Contents<'a> {
    pub paths: &'a Paths,
    pub kiosk: &'a Path,
    pub version: String,
    pub maintainer: &'a str,
}

impl Contents<'_> {
    /// Writes all of it.
    pub fn write(&self, folder: &Path) -> Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
        // The program knows its command line.
        command::output(Command::new(self.kiosk).arg("package-files").arg(folder))?;
        for page in fs::read_dir(folder.join("man"))? {
            compress(&page?.path())?;
        }
        fs::write(folder.join("changelog.Debian"), self.changelog()?)?;
        compress(&folder.join("changelog.Debian"))?;
        fs::write(folder.join("third-party"), self.third_party()?)?;
        fs::copy(
            self.paths.root.join("docs/kiosk.md"),
            folder.join("kiosk.md"),
        )?;
        Ok(())
    }

    /// What dpkg's tools read; what has changed is in the project's own changelog.
    fn changelog(&self) -> Result<String> {
        let mut log = git::command(&self.paths.root);
        let date = command::text(log.args(["log", "-1", "--format=%aD"]))
            .context("the date of the last commit")?;
        Ok(format!(
            "background-sync-kiosk ({}) unstable; urgency=medium\n\n  * Built from the sources of that day.\n\n -- {}  {date}\n",
            self.version, self.maintainer
        ))
    }

    /// The libraries in the program, by what cargo has locked.
    fn third_party(&self) -> Result<String> {
        let mut tree = command::cargo();
        tree.current_dir(self.paths.tree())
            .args([
                "tree",
                "--locked",
                "--quiet",
                "--package",
                "background_sync_kiosk",
            ])
            .args("--edges normal --prefix none --format {p}|{l}|{r}".split(' '));
        let text = command::text(&mut tree)?;
        let mut list = "The libraries that the program contains: name, version, licence, and where its sources are.\n\n".to_owned();
        for row in text.lines().filter_map(library).collect::<BTreeSet<_>>() {
            writeln!(list, "{row}").context("a text grows")?;
        }
        Ok(list)
    }
}

/// `name vVERSION (place)|licence|repository` in columns; `None` for what is no library.
fn library(line: &str) -> Option<String> {
    // It has come before.
    let mut fields = line.trim_end_matches(" (*)").split('|');
    let mut package = fields.next()?.split(' ');
    let (name, version) = (package.next()?, package.next()?.strip_prefix('v')?);
    let licence = fields.next()?;
    let repository = fields.next().unwrap_or_default();
    Some(format!("{name} {version}\t{licence}\t{repository}"))
}

fn compress(file: &Path) -> Result<()> {
    command::output(Command::new("gzip").args(GZIP).arg(file)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_cargos_tree_is_a_library() {
        let line = "winit v0.30.12|Apache-2.0|https://github.com/rust-windowing/winit";
        assert_eq!(
            library(line).as_deref(),
            Some("winit 0.30.12\tApache-2.0\thttps://github.com/rust-windowing/winit")
        );
        let line =
            "background_sync_core v0.1.0 (/somewhere/components/background_sync_core)|MPL-2.0|";
        assert_eq!(
            library(line).as_deref(),
            Some("background_sync_core 0.1.0\tMPL-2.0\t")
        );
        assert_eq!(
            library("url v2.5.4|MIT| (*)").as_deref(),
            Some("url 2.5.4\tMIT\t")
        );
        assert_eq!(library(""), None);
    }
}
