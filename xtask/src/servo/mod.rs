//! Assembles the patched Servo, and keeps the patch series in step with it.

pub mod check;
pub mod check_each;
pub mod export_overlay;
mod overlay;
mod partial_series;
mod patched_tree;
mod published;
mod series;
mod series_repository;
mod topic_header;
mod workspace;

#[cfg(test)]
mod offline_imports;
#[cfg(test)]
mod round_trip_tests;

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

pub use self::partial_series::apply_without;
pub use self::patched_tree::{Brought, LocalWork};
use self::patched_tree::{MOVED, PatchedTree};
use self::published::Published;
use self::series::Series;
pub use self::series_repository::Offsets;
use self::series_repository::SeriesRepository;
pub use self::topic_header::Group;
use crate::command;
use crate::files;
use crate::paths::Paths;

/// Assembles the workspace in the cache from the published sources, the series, the overlay and our
/// own crates.
pub fn apply(paths: &Paths, local: LocalWork, offsets: Offsets) -> Result<Brought> {
    let published = Published::find(paths)?;
    apply_series(paths, &published, local, offsets)
}

fn apply_series(
    paths: &Paths,
    published: &Published,
    local: LocalWork,
    offsets: Offsets,
) -> Result<Brought> {
    let series = Series::load(paths)?;
    let repository = SeriesRepository::open(&paths.staging())?;
    let commits = repository.commit_series(published, &series, offsets)?;
    let overlay = overlay::collect(paths, &series.groups())?;
    let tracked = repository.paths_in(&commits.tip)?;
    overlay::check_shadows(&overlay, &tracked)?;

    let tree = PatchedTree::at(paths.crates());
    tree.init()?;
    overlay::announce(&overlay, &tree)?;
    let brought = tree.bring_to(&repository, &commits, local)?;
    overlay::sync(&overlay, &tree, &tracked)?;
    workspace::assemble(paths, published)?;
    Ok(brought)
}

/// Writes the series from the commits in the patched tree. Returns the files that changed.
pub fn export(paths: &Paths) -> Result<Vec<PathBuf>> {
    export_series(paths, &Published::find(paths)?)
}

fn export_series(paths: &Paths, published: &Published) -> Result<Vec<PathBuf>> {
    let tree = PatchedTree::at(paths.crates());
    ensure!(
        tree.exists(),
        "there is no patched tree at {}: run `cargo xtask servo apply` first",
        paths.crates().display()
    );
    tree.refuse_unfinished()?;
    if let Some(path) = tree.uncommitted()? {
        bail!(
            "{path} in {} is not committed: commit it first",
            paths.crates().display()
        );
    }
    let repository = SeriesRepository::open(&paths.staging())?;
    let base = repository.commit_published(published)?;
    let head = tree
        .git
        .resolve("HEAD")?
        .context("the patched tree has no commit")?;
    repository.git.fetch(&paths.crates(), &head)?;
    if !repository.git.has_in_history(&head, &base)? {
        bail!(
            "the patched tree is not on top of Servo {} as servo/pin says: see \"Moving to another \
             release of Servo\" in CONTRIBUTING.md",
            published.version
        );
    }
    // Patches that changed here in the meantime, in a merge say, must not be written over.
    if !tree.has_moved_from(&base)? {
        let on_disk = Series::load(paths)?;
        let commits = repository.commit_series(published, &on_disk, Offsets::Allow)?;
        tree.offer(&repository, &commits)?;
        let known =
            tree.was_made_from(&commits)? || repository.git.has_in_history(&head, &commits.tip)?;
        ensure!(
            known,
            "{} was not assembled from this series: {MOVED}",
            tree.git.folder().display()
        );
    }
    let series = repository.read_series(published, &base, &head)?;
    // What is written must be the tree, not almost the tree.
    let commits = repository.commit_series(published, &series, Offsets::Refuse)?;
    ensure!(
        repository.git.tree_of(&commits.tip)? == repository.git.tree_of(&head)?,
        "the exported series does not give the patched tree back; nothing was written"
    );
    let changed = series.write(paths)?;
    tree.adopt(&repository, &commits)?;
    Ok(changed)
}

/// Brings the published sources that the pin names into the patched tree as the branch `upstream`.
/// Returns the version and the commit that was there before.
pub fn upstream(paths: &Paths) -> Result<(String, Option<String>)> {
    let published = Published::find(paths)?;
    let repository = SeriesRepository::open(&paths.staging())?;
    let base = repository.commit_published(&published)?;
    repository.git.set_reference("refs/heads/upstream", &base)?;
    let tree = PatchedTree::at(paths.crates());
    tree.init()?;
    let before = tree.git.resolve("refs/heads/upstream")?;
    tree.set_upstream(&repository, &base)?;
    Ok((published.version, before.filter(|before| *before != base)))
}

/// Brings the lock file in step with the manifests, and copies it back to the source tree. Returns
/// whether it changed.
pub fn lock(paths: &Paths) -> Result<bool> {
    apply(paths, LocalWork::Keep, Offsets::Refuse)?;
    let mut update = command::cargo();
    // Only what the workspace's own manifests ask for moves; everything else stays as it was built.
    update
        .args(["update", "--workspace", "--manifest-path"])
        .arg(paths.tree().join("Cargo.toml"));
    let status = command::status(&mut update)?;
    ensure!(
        status.success(),
        "cargo cannot resolve the dependencies of the assembled workspace"
    );
    files::copy_if_different(&paths.tree().join("Cargo.lock"), &paths.lock_file())
}
