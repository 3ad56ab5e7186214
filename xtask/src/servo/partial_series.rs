//! Series that are not the whole one, each assembled in a workspace of its own beside the patched tree.

use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err as fs;

use super::published::Published;
use super::series::Series;
use super::series_repository::{Offsets, SeriesRepository};
use super::topic_header::Group;
use super::{overlay, workspace};
use crate::files;
use crate::paths::Paths;

/// Where a part is assembled.
pub struct Place {
    /// The workspace.
    pub workspace: PathBuf,
    /// Where all but its manifest is in there. Workspaces that share a target folder need different ones: cargo tells
    /// their packages apart by that alone.
    pub below: String,
}

impl Place {
    /// Where the series without a group is assembled.
    fn without(paths: &Paths, group: Group) -> Self {
        let below = format!("without-{group}");
        Self {
            workspace: paths.cache.join(&below),
            below,
        }
    }
}

/// Assembles the series without a group, and leaves the patched tree as it is. Returns the workspace.
pub fn apply_without(paths: &Paths, group: Group) -> Result<PathBuf> {
    let series = Series::load(paths)?.without(|topic| topic.header.group == group);
    let place = Place::without(paths, group);
    let repository = SeriesRepository::open(&paths.staging())?;
    assemble(
        paths,
        &Published::find(paths)?,
        &repository,
        &series,
        &place,
    )?;
    Ok(place.workspace)
}

/// Writes the workspace of a part. What does not change keeps its time stamp, so that cargo compiles it once.
pub fn assemble(
    paths: &Paths,
    published: &Published,
    repository: &SeriesRepository,
    series: &Series,
    place: &Place,
) -> Result<()> {
    let commits = repository.commit_part(published, series, Offsets::Allow)?;
    let fresh = place.workspace.join("fresh");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    repository.write_out(&commits.tip, &fresh)?;
    for (path, ours) in &overlay::collect(paths, &series.groups())? {
        files::copy_if_different(ours, &fresh.join(path))?;
    }
    let crates = place.workspace.join(&place.below).join("crates");
    fs::create_dir_all(&crates)?;
    files::mirror(&fresh, &crates, |_, content| Ok(content))?;
    fs::remove_dir_all(&fresh)?;
    workspace::assemble_in(paths, published, &place.workspace, Path::new(&place.below))
}
