//! `cargo xtask servo export-overlay`: everything that another embedder of Servo needs, in one folder. `cargo package` packs
//! crates as they would be published, which these are not: they have the names and versions of Servo's own.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use super::published::{Published, PublishedCrate};
use super::series::Series;
use super::series_repository::{Offsets, SeriesRepository};
use super::{overlay, workspace};
use crate::command;
use crate::files;
use crate::metadata;
use crate::paths::Paths;

/// The section for the embedder's manifest.
const PATCH_FILE: &str = "patch.toml";
/// The program that the folder is tried with.
const EMBEDDER: &str = "tests/embedder";
/// What only the kiosk uses of the patched crates. Cargo warns of a patch that is of no use.
const KIOSK_ONLY: [&str; 1] = ["servo-webdriver-server"];

/// Writes the patched crates, ours, the section for the embedder's manifest, and what to do with them.
///
/// # Errors
/// If the folder has something in it, or can't be written, or the series does not apply.
pub fn export(paths: &Paths, folder: &Path) -> Result<()> {
    let is_empty = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !folder.exists(),
    };
    ensure!(
        is_empty,
        "{} exists and is not an empty folder: remove it, or choose another",
        folder.display()
    );
    let mut published = Published::find(paths)?;
    let repository = SeriesRepository::open(&paths.staging())?;
    let series = Series::load(paths)?;
    let commits = repository.commit_series(&published, &series, Offsets::Refuse)?;
    let overlay = overlay::collect(paths, &series.groups())?;
    overlay::check_shadows(&overlay, &repository.paths_in(&commits.tip)?)?;

    let crates = folder.join("crates");
    repository.write_out(&commits.tip, &crates)?;
    for name in KIOSK_ONLY {
        fs::remove_dir_all(crates.join(name))
            .with_context(|| format!("servo/pin/Cargo.toml does not list {name}"))?;
    }
    published.crates.retain(is_for_embedders);
    for (path, ours) in &overlay {
        files::copy_if_different(ours, &crates.join(path))?;
    }
    workspace::copy_libraries(paths, folder)?;
    let name = folder
        .file_name()
        .with_context(|| format!("{} has no name", folder.display()))?;
    let section = workspace::patch_section(&published, &Path::new(name).join("crates"));
    files::write_if_different(&folder.join(PATCH_FILE), section.as_bytes())?;
    let text = include_str!("overlay-readme.md")
        .replace("{version}", &published.version)
        .replace("{folder}", &name.to_string_lossy());
    files::write_if_different(&folder.join("README.md"), text.as_bytes())?;
    files::copy_if_different(&paths.root.join("LICENSE"), &folder.join("LICENSE"))?;
    Ok(())
}

fn is_for_embedders(published: &PublishedCrate) -> bool {
    !KIOSK_ONLY.contains(&published.name.as_str())
}

/// Follows the steps of the folder's README with the second embedder, up to cargo's choice of sources: all that
/// the folder has must be in use, and nothing of it may come from elsewhere. What it builds then is what the assembled
/// workspace builds, file for file.
pub fn try_out(paths: &Paths) -> Result<()> {
    let trial = paths.cache.join("trial");
    if trial.exists() {
        fs::remove_dir_all(&trial)?;
    }
    // In this order: mirroring removes what its source has not.
    fs::create_dir_all(&trial)?;
    files::mirror(&paths.root.join(EMBEDDER), &trial, |_, content| Ok(content))?;
    let bundle = trial.join("servo-background-sync");
    export(paths, &bundle)?;
    let manifest = trial.join("Cargo.toml");
    let text =
        fs::read_to_string(&manifest)? + "\n" + &fs::read_to_string(bundle.join(PATCH_FILE))?;
    fs::write(&manifest, text)?;
    fs::copy(paths.lock_file(), trial.join("Cargo.lock"))?;

    let output = command::output(&mut metadata::command(&manifest))?;
    let warnings = String::from_utf8_lossy(&output.stderr);
    ensure!(
        !warnings.contains("was not used"),
        "cargo does not use the patches: {}",
        warnings.trim()
    );
    let metadata = metadata::parse(&String::from_utf8_lossy(&output.stdout))?;
    let crates = Published::find(paths)?.crates;
    for known in crates.iter().filter(|known| is_for_embedders(known)) {
        let expected = bundle.join("crates").join(&known.name).join("Cargo.toml");
        let found = metadata
            .packages
            .iter()
            .find(|package| *package.name == known.name)
            .with_context(|| format!("the second embedder is built without {}", known.name))?;
        ensure!(
            found.manifest_path == expected,
            "{} would come from {}",
            known.name,
            found.manifest_path
        );
    }
    Ok(())
}
