//! The Python environment in which wptrunner runs. `venv` and `pip` make it; this is when to.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use fs_err as fs;

use crate::command;

/// Makes the environment in the cache if it is not there or lacks something; returns its interpreter.
pub fn ensure(requirements: &Path, cache: &Path) -> Result<PathBuf> {
    let folder = cache.join("venv");
    let python = folder.join("bin/python");
    let stamp = folder.join("requirements.txt");
    let wanted = fs::read(requirements)?;
    if python.exists() && fs::read(&stamp).is_ok_and(|present| present == wanted) {
        return Ok(python);
    }
    eprintln!("Preparing Python for wptrunner in {}.", folder.display());
    // Whatever half of one is there.
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(cache)?;
    if !command::is_on_path("python3") {
        bail!("wptrunner needs Python 3; on Debian: apt-get install python3 python3-venv");
    }
    command::output(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        .context("no Python environment could be made; on Debian: apt-get install python3-venv")?;
    command::output(
        Command::new(&python)
            .args("-m pip install --quiet --disable-pip-version-check --requirement".split(' '))
            .arg(requirements),
    )
    .context("the Python packages that wptrunner needs could not be installed")?;
    fs::write(&stamp, wanted)?;
    Ok(python)
}
