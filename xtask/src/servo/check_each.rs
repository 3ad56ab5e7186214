//! `cargo xtask servo check --each`: does the series compile where it may end, and without each topic that may be left out?
//!
//! The groups `workers` and `sync` need each other, so the first place is after both. Files of the overlay are as they are
//! at the end of the series.

use anyhow::{Context, Result, ensure};

use super::partial_series::{self, Place};
use super::published::Published;
use super::series::Series;
use super::series_repository::SeriesRepository;
use super::topic_header::Group;
use crate::command;
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
    let repository = SeriesRepository::open(&paths.staging())?;
    let place = Place {
        workspace: paths.parts(),
        below: BELOW.to_owned(),
    };
    for part in parts(&Series::load(paths)?) {
        eprintln!("Checking {}.", part.title);
        partial_series::assemble(paths, &published, &repository, &part.series, &place)
            .with_context(|| part.title.clone())?;
        let mut check = kiosk::cargo(paths, &llvm, Profile::Dev);
        // Not `--locked`: the lock file has dependencies that a part may lack.
        check
            .current_dir(&place.workspace)
            .args(["check", "--quiet", "--package", PACKAGE]);
        let status = command::status(&mut check)?;
        ensure!(status.success(), "{} does not compile", part.title);
    }
    Ok(())
}

fn parts(series: &Series) -> Vec<Part> {
    let mut parts = vec![Part {
        title: "the groups workers and sync".to_owned(),
        series: series.without(|topic| topic.header.group > Group::Sync),
    }];
    parts.push(Part {
        title: "everything but the group offline".to_owned(),
        series: series.without(|topic| topic.header.group == Group::Offline),
    });
    for topic in &series.topics {
        if topic.header.group == Group::Extras {
            parts.push(Part {
                title: format!("everything but {}", topic.name),
                series: series.without(|left_out| left_out.name == topic.name),
            });
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::series::Topic;
    use super::super::topic_header::{Header, Reason};
    use super::*;

    #[test]
    fn what_may_be_left_out_is_left_out_once() {
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
                topic("caches", Group::Offline),
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
                vec!["manager", "dom", "one", "two"],
                vec!["manager", "dom", "two", "caches"],
                vec!["manager", "dom", "one", "caches"]
            ]
        );
    }
}
