//! `cargo xtask servo check --each`: does the series compile where it may end, and without each topic that may be left out?
//!
//! The groups `workers` and `sync` need each other, so the first place is after both. Files of the overlay are as they are
//! at the end of the series.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::chain::{Offsets, Staging};
use super::header::Group;
use super::series::Series;
use super::upstream::Published;
use super::{overlay, workspace};
use crate::command;
use crate::files;
use crate::kiosk::{self, Profile};
use crate::paths::Paths;
use crate::setup;

/// The package that is checked, with all that it needs.
const PACKAGE: &str = "servo";

/// Where everything is in the workspace.
const BELOW: &str = "part";

/// A series that must compile.
struct Part {
    title: String,
    series: Series,
}

/// Has cargo check each part.
///
/// # Errors
/// The first that does not compile.
pub fn check_each(paths: &Paths) -> Result<()> {
    let llvm = setup::ensure_ready()?;
    let published = Published::find(paths)?;
    let staging = Staging::open(&paths.staging())?;
    for part in parts(&Series::load(paths)?) {
        eprintln!("Checking {}.", part.title);
        assemble(paths, &published, &staging, &part.series).with_context(|| part.title.clone())?;
        let mut check = kiosk::cargo(paths, &llvm, Profile::Dev);
        check.current_dir(paths.parts()).args([
            "check",
            "--locked",
            "--quiet",
            "--package",
            PACKAGE,
        ]);
        let status = command::status(&mut check)?;
        ensure!(status.success(), "{} does not compile", part.title);
    }
    Ok(())
}

fn parts(series: &Series) -> Vec<Part> {
    let without = |left_out: &dyn Fn(&str, Group) -> bool| Series {
        topics: series
            .topics
            .iter()
            .filter(|topic| !left_out(&topic.name, topic.header.group))
            .cloned()
            .collect(),
    };
    let mut parts = vec![Part {
        title: "the groups workers and sync".to_owned(),
        series: without(&|_, group| group > Group::Sync),
    }];
    for topic in &series.topics {
        if topic.header.group == Group::Extras {
            parts.push(Part {
                title: format!("everything but {}", topic.name),
                series: without(&|name, _| name == topic.name),
            });
        }
    }
    parts
}

/// Writes the workspace of a part. What does not change keeps its time stamp, so that cargo checks it once.
fn assemble(
    paths: &Paths,
    published: &Published,
    staging: &Staging,
    series: &Series,
) -> Result<()> {
    let chain = staging.build_apart(published, series, Offsets::Allow)?;
    let part = paths.parts().join(BELOW);
    let fresh = paths.parts().join("fresh");
    if fresh.exists() {
        fs::remove_dir_all(&fresh).with_context(|| format!("cannot remove {}", fresh.display()))?;
    }
    staging.write_out(&chain.tip, &fresh)?;
    for (path, ours) in &overlay::collect(paths)? {
        files::copy_if_different(ours, &fresh.join(path))?;
    }
    let crates = part.join("crates");
    fs::create_dir_all(&crates).with_context(|| format!("cannot create {}", crates.display()))?;
    files::mirror(&fresh, &crates, |_, content| Ok(content))?;
    fs::remove_dir_all(&fresh).with_context(|| format!("cannot remove {}", fresh.display()))?;
    workspace::assemble_in(paths, published, &paths.parts(), Path::new(BELOW))
}

#[cfg(test)]
mod tests {
    use super::super::header::{Header, Reason};
    use super::super::series::Topic;
    use super::*;

    #[test]
    fn each_extra_is_left_out_once() {
        let topic = |name: &str, group| Topic {
            name: name.to_owned(),
            header: Header {
                subject: String::new(),
                why: Vec::new(),
                group,
                reason: Reason::Hook,
                drop_when: Vec::new(),
            },
            patches: Vec::new(),
        };
        let series = Series {
            topics: vec![
                topic("manager", Group::Workers),
                topic("dom", Group::Sync),
                topic("one", Group::Extras),
                topic("two", Group::Extras),
            ],
        };
        let names: Vec<Vec<String>> = parts(&series)
            .into_iter()
            .map(|part| part.series.topics.into_iter().map(|it| it.name).collect())
            .collect();
        assert_eq!(
            names,
            [
                vec!["manager", "dom"],
                vec!["manager", "dom", "two"],
                vec!["manager", "dom", "one"]
            ]
        );
    }
}
