//! `./mach package`: the kiosk as a package of Debian's. cargo-deb makes it from the metadata in the kiosk's manifest; what
//! it packs beside the program is made here, from the program itself.

mod contents;
mod trial;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::Args;
use fs_err as fs;

use self::contents::Contents;
use crate::command;
use crate::kiosk::{self, Profile};
use crate::paths::{self, Paths};
use crate::setup;

/// Whoever builds a package is its maintainer; this one says that nobody has been named.
const NOBODY: &str = "Background Sync for Servo <maintainers@background-sync.invalid>";

/// What of the package is not as usual.
#[derive(Args)]
pub struct Package {
    /// Pack this kiosk instead of building an optimized one
    #[arg(long, value_name = "PATH")]
    kiosk: Option<PathBuf>,
    /// The package's version [default: the kiosk's, with revision 1]
    #[arg(long, value_name = "VERSION")]
    deb_version: Option<String>,
    /// Who looks after the package: a name, and an address in angle brackets
    #[arg(long, value_name = "NAME", default_value = NOBODY)]
    maintainer: String,
    /// Compress less, for a package that nobody downloads
    #[arg(long)]
    fast: bool,
    /// Install the package in a bare Debian system, with the commands of its guide, and try it there (needs root, mmdebstrap
    /// and systemd-nspawn, and Debian's packages)
    #[arg(long = "try")]
    is_tried: bool,
}

/// Makes the package, and tries it if that is asked for. Its path is printed last.
pub fn run(paths: &Paths, package: &Package) -> Result<ExitCode> {
    let kiosk = kiosk::named_or_built(paths, package.kiosk.as_deref(), Profile::Release)?;
    let made = make(paths, &kiosk, package)?;
    let code = match package.is_tried {
        true => trial::run(paths, &made)?,
        false => ExitCode::SUCCESS,
    };
    println!("{}", made.display());
    Ok(code)
}

fn make(paths: &Paths, kiosk: &Path, package: &Package) -> Result<PathBuf> {
    let llvm = setup::ensure_ready()?;
    let _held = paths.hold_cache()?;
    kiosk::assemble(paths)?;
    ensure_there_is_cargo_deb()?;
    let target = paths.cache.join("package");
    // Where cargo-deb looks for what a build has left.
    let built = target.join("release");
    fs::create_dir_all(&built)?;
    let program = built.join("kiosk");
    if program.exists() {
        fs::remove_file(&program)?;
    }
    fs::hard_link(kiosk, &program).or_else(|_| fs::copy(kiosk, &program).map(drop))?;
    let contents = Contents {
        paths,
        kiosk,
        version: match &package.deb_version {
            Some(version) => version.clone(),
            None => format!("{}-1", env!("CARGO_PKG_VERSION")),
        },
        maintainer: &package.maintainer,
    };
    contents.write(&built.join("package"))?;

    let mut cargo = kiosk::cargo(paths, &llvm, Profile::Release);
    cargo
        .env("CARGO_TARGET_DIR", &target)
        .args(["deb", "--no-build", "--quiet", "--manifest-path"])
        .arg(paths.tree().join("ports/kiosk/Cargo.toml"))
        .args(["--maintainer", &package.maintainer])
        .args(["--deb-version", &contents.version]);
    if package.fast {
        cargo.arg("--fast");
    }
    let printed = command::text(&mut cargo)?;
    let made = printed
        .lines()
        .last()
        .context("cargo-deb named no package")?;
    paths::absolute(Path::new(made))
}

fn ensure_there_is_cargo_deb() -> Result<()> {
    ensure!(
        command::output(command::cargo().args(["deb", "--version"])).is_ok(),
        "cargo-deb makes the package, and is not installed: cargo install cargo-deb --locked"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNITS: [&str; 2] = ["background-sync-kiosk", "background-sync-kiosk-sync"];

    fn file(path: &str) -> Result<String> {
        Ok(fs::read_to_string(
            Paths::find()?.root.join("ports/kiosk").join(path),
        )?)
    }

    /// What one of them may reach, the other may: it is in one file.
    #[test]
    fn both_units_have_the_same_user_and_hardening() -> Result<()> {
        let (manifest, shared) = (file("Cargo.toml")?, file("package/shared.conf")?);
        for unit in UNITS {
            let installed = format!(
                "[\"package/shared.conf\", \"usr/lib/systemd/system/{unit}.service.d/10-shared.conf\", \"644\"]"
            );
            assert!(manifest.contains(&installed), "{unit}");
            let own = file(&format!("package/{unit}.service"))?;
            let names = |text: &str| -> Vec<String> {
                let settings = text.lines().filter(|line| !line.starts_with('#'));
                let names = settings.filter_map(|line| line.split_once('='));
                // Variables add up, and differ.
                let names = names.map(|(name, _)| name.to_owned());
                names.filter(|name| name != "Environment").collect()
            };
            let shared = names(&shared);
            assert!(shared.contains(&"User".to_owned()));
            for name in names(&own) {
                assert!(!shared.contains(&name), "{unit} has its own {name}");
            }
        }
        Ok(())
    }

    #[test]
    fn each_kiosk_leaves_its_next_time() -> Result<()> {
        let drop_ins = ["cage.conf", "x11.conf"].map(str::to_owned);
        let units = UNITS.map(|unit| format!("{unit}.service"));
        for name in units.iter().chain(&drop_ins) {
            let text = file(&format!("package/{name}"))?;
            let start = text
                .lines()
                .find(|line| line.starts_with("ExecStart=/"))
                .with_context(|| format!("{name} starts nothing"))?;
            let flag = "--next-sync-file ${RUNTIME_DIRECTORY}/next-sync";
            assert!(start.ends_with(flag), "{name}: {start}");
        }
        Ok(())
    }
}
