//! Formats every Rust file. `cargo fmt` finds those of the root workspace's packages; most of the others are in no package
//! that cargo could read here, because Servo compiles them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::command;
use crate::files;
use crate::metadata;
use crate::paths::Paths;
use crate::programs::cargo;

/// Formats them.
pub fn format(paths: &Paths) -> Result<()> {
    for mut program in [cargo(paths, "fmt --all"), rustfmt(paths, &[])?] {
        let status = command::status(&mut program)?;
        ensure!(status.success(), "{} failed", command::describe(&program));
    }
    Ok(())
}

/// rustfmt for the files that `cargo fmt` does not find.
pub fn rustfmt(paths: &Paths, arguments: &[&str]) -> Result<Command> {
    let mut rustfmt = Command::new("rustfmt");
    rustfmt
        .current_dir(&paths.root)
        .args(["--config-path", "rustfmt.toml"])
        .args(arguments)
        .args(outside_of_packages(&paths.root)?);
    Ok(rustfmt)
}

fn outside_of_packages(root: &Path) -> Result<Vec<PathBuf>> {
    let members = metadata::members(root)?.packages;
    let folders: Vec<&Path> = members
        .iter()
        .filter_map(|package| package.manifest_path.as_std_path().parent())
        .collect();
    let mut found = Vec::new();
    for file in files::list(root)? {
        let path = root.join(&file);
        if file.extension().is_some_and(|extension| extension == "rs")
            && !folders.iter().any(|folder| path.starts_with(folder))
            && !has_module_of_servos(&path)?
        {
            found.push(file);
        }
    }
    Ok(found)
}

/// Whether a `#[path]` leads to a file that only the assembled workspace has: rustfmt would look for it.
fn has_module_of_servos(file: &Path) -> Result<bool> {
    let text = fs::read_to_string(file)?;
    let mut paths = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("#[path = \"")?.strip_suffix("\"]"));
    Ok(paths.any(|path| !file.with_file_name(path).exists()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_only_servo_compiles_are_found() -> Result<()> {
        let found = outside_of_packages(&Paths::find()?.root)?;
        let has = |file: &str| found.iter().any(|found| found == Path::new(file));
        assert!(has("ports/kiosk/src/main.rs") && has("tests/fuzz/src/lib.rs"));
        assert!(has("components/script/backgroundsync/mod.rs"));
        assert!(!has("xtask/src/main.rs"));
        Ok(())
    }

    #[test]
    fn a_module_elsewhere_is_seen() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("a.rs");
        fs::write(&file, "#[path = \"b.rs\"]\nmod b;\n")?;
        assert!(has_module_of_servos(&file)?);
        fs::write(folder.path().join("b.rs"), "")?;
        assert!(!has_module_of_servos(&file)?);
        Ok(())
    }
}
