//! The patch series on disk: `servo/series` and the files it lists, as quilt has them. Quilt itself would apply them in a
//! working tree, and with fuzz.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;

use super::topic_header::{Group, Header, check_topic_name};
use crate::files;
use crate::paths::Paths;

/// The first line of `servo/series`. It has no other comments, because it is written by export.
const SERIES_COMMENT: &str = "# Written by `cargo xtask servo export`: one patch a line, in the order in which they apply.\n";

/// The part of a topic that changes one crate.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CratePatch {
    /// The folder in the patched tree, which is the crate's name.
    pub crate_name: String,
    /// The output of `git diff`, relative to that folder.
    pub diff: String,
}

/// One commit of the patched tree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Topic {
    /// The name of its files, without the extension.
    pub name: String,
    /// What it says about itself.
    pub header: Header,
    /// Its parts, in the order of the series.
    pub patches: Vec<CratePatch>,
}

/// Every topic, in order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Series {
    /// The commits to be.
    pub topics: Vec<Topic>,
}

impl Series {
    /// Reads the series, and refuses one that its files do not match one to one.
    pub fn load(paths: &Paths) -> Result<Self> {
        let text = fs::read_to_string(paths.series())?;
        let names = parse_list(&text).context("servo/series is wrong")?;
        check_one_to_one(&names, &paths.patches())?;
        let mut series = Self::default();
        for (crate_name, topic) in names {
            let file = format!("servo/patches/{crate_name}/{topic}.patch");
            let text = fs::read_to_string(paths.root.join(&file))?;
            let (header, diff) =
                Header::from_patch(&text).with_context(|| format!("{file} has a bad header"))?;
            series.push(
                topic,
                header,
                CratePatch {
                    crate_name,
                    diff: diff.to_owned(),
                },
            )?;
        }
        Ok(series)
    }

    fn push(&mut self, topic: String, header: Header, patch: CratePatch) -> Result<()> {
        match self.topics.last_mut() {
            Some(last) if last.name == topic => {
                ensure!(
                    last.header == header,
                    "the patches of topic {topic} must have the same header: {} differs from {}",
                    patch.crate_name,
                    last.patches
                        .first()
                        .map_or("the first", |first| first.crate_name.as_str()),
                );
                last.patches.push(patch);
            }
            _ => {
                ensure!(
                    !self.topics.iter().any(|known| known.name == topic),
                    "the patches of topic {topic} must follow each other in servo/series, because \
                     a topic is one commit"
                );
                self.check_order(&topic, header.group)?;
                self.topics.push(Topic {
                    name: topic,
                    header,
                    patches: vec![patch],
                });
            }
        }
        Ok(())
    }

    /// What is left of it without some topics.
    pub fn without(&self, is_left_out: impl Fn(&Topic) -> bool) -> Self {
        let topics = self.topics.iter().filter(|topic| !is_left_out(topic));
        Self {
            topics: topics.cloned().collect(),
        }
    }

    /// The groups that it has topics of.
    pub fn groups(&self) -> BTreeSet<Group> {
        self.topics.iter().map(|topic| topic.header.group).collect()
    }

    /// The groups follow each other.
    pub fn check_order(&self, topic: &str, group: Group) -> Result<()> {
        if let Some(before) = self
            .topics
            .last()
            .filter(|before| before.header.group > group)
        {
            bail!(
                "topic {topic} is of the group {group}, but follows {}, which is of the group {}",
                before.name,
                before.header.group
            );
        }
        Ok(())
    }

    /// The files of this series: path below the source tree, and content.
    pub fn render(&self) -> BTreeMap<PathBuf, String> {
        let mut files = BTreeMap::new();
        let mut list = SERIES_COMMENT.to_owned();
        for topic in &self.topics {
            for patch in &topic.patches {
                let name = format!("{}/{}.patch", patch.crate_name, topic.name);
                list.push_str(&name);
                list.push('\n');
                let text = topic.header.to_patch() + &patch.diff;
                files.insert(Path::new("servo/patches").join(name), text);
            }
        }
        files.insert(PathBuf::from("servo/series"), list);
        files
    }

    /// Writes the series, and removes patches that are no longer in it. Returns what changed.
    pub fn write(&self, paths: &Paths) -> Result<Vec<PathBuf>> {
        let wanted = self.render();
        let mut changed = Vec::new();
        for (path, text) in &wanted {
            if files::write_if_different(&paths.root.join(path), text.as_bytes())? {
                changed.push(path.clone());
            }
        }
        for path in present(&paths.patches())? {
            let path = Path::new("servo/patches").join(path);
            if !wanted.contains_key(&path) {
                files::remove(&paths.root.join(&path), &paths.patches())?;
                changed.push(path);
            }
        }
        Ok(changed)
    }
}

/// The patch files that exist, relative to the folder of patches.
fn present(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    if !folder.is_dir() {
        return Ok(BTreeSet::new());
    }
    files::list(folder)
}

/// The lines of `servo/series` as crate and topic.
fn parse_list(text: &str) -> Result<Vec<(String, String)>> {
    let mut names: Vec<(String, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parts = line
            .strip_suffix(".patch")
            .and_then(|line| line.split_once('/'));
        let Some((crate_name, topic)) = parts else {
            bail!(
                "line {}: \"{line}\" is not of the form crate/topic.patch",
                index + 1
            );
        };
        check_topic_name(topic).with_context(|| format!("line {}", index + 1))?;
        let name = (crate_name.to_owned(), topic.to_owned());
        ensure!(
            !names.contains(&name),
            "line {}: {line} is there twice",
            index + 1
        );
        names.push(name);
    }
    Ok(names)
}

fn check_one_to_one(names: &[(String, String)], patches: &Path) -> Result<()> {
    let listed: BTreeSet<PathBuf> = names
        .iter()
        .map(|(crate_name, topic)| Path::new(crate_name).join(format!("{topic}.patch")))
        .collect();
    let present = present(patches)?;
    if let Some(missing) = listed.difference(&present).next() {
        bail!(
            "servo/series lists {}, but servo/patches has no such file",
            missing.display()
        );
    }
    if let Some(extra) = present.difference(&listed).next() {
        bail!(
            "servo/patches/{} is not listed in servo/series",
            extra.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::topic_header::Reason;
    use super::*;

    fn topic(name: &str, crates: &[&str]) -> Topic {
        Topic {
            name: name.to_owned(),
            header: Header {
                subject: format!("Do {name}"),
                why: vec!["w".to_owned()],
                group: Group::Sync,
                reason: Reason::Hook,
                drop_when: vec!["d".to_owned()],
            },
            patches: crates
                .iter()
                .map(|name| CratePatch {
                    crate_name: (*name).to_owned(),
                    diff: "diff --git a/x b/x\n".to_owned(),
                })
                .collect(),
        }
    }

    fn repository() -> Result<(tempfile::TempDir, Paths)> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().to_path_buf();
        let paths = Paths {
            cache: root.join("cache"),
            root,
        };
        fs::create_dir_all(paths.patches())?;
        Ok((folder, paths))
    }

    #[test]
    fn what_was_written_is_read_back() -> Result<()> {
        let (_folder, paths) = repository()?;
        let mut series = Series {
            topics: vec![
                topic("a", &["servo"]),
                topic("b", &["servo-script", "servo"]),
            ],
        };
        series.write(&paths)?;
        assert_eq!(Series::load(&paths)?, series);
        assert!(series.write(&paths)?.is_empty());

        series.topics.pop();
        assert_eq!(series.write(&paths)?.len(), 3);
        assert_eq!(Series::load(&paths)?, series);
        assert!(!paths.patches().join("servo-script").exists());
        Ok(())
    }

    #[test]
    fn series_and_files_must_match_one_to_one() -> Result<()> {
        let (_folder, paths) = repository()?;
        Series {
            topics: vec![topic("a", &["servo"])],
        }
        .write(&paths)?;
        fs::write(paths.patches().join("servo/stray.patch"), "")?;
        let error = Series::load(&paths).expect_err("stray file").to_string();
        assert!(error.contains("stray.patch is not listed"), "{error}");

        fs::remove_file(paths.patches().join("servo/stray.patch"))?;
        fs::remove_file(paths.patches().join("servo/a.patch"))?;
        let error = Series::load(&paths).expect_err("missing file").to_string();
        assert!(error.contains("lists servo/a.patch"), "{error}");
        Ok(())
    }

    #[test]
    fn a_torn_topic_is_refused() -> Result<()> {
        let (_folder, paths) = repository()?;
        let series = Series {
            topics: vec![
                topic("a", &["servo"]),
                topic("b", &["servo"]),
                topic("a", &["x"]),
            ],
        };
        series.write(&paths)?;
        let error = Series::load(&paths).expect_err("torn").to_string();
        assert!(error.contains("must follow each other"), "{error}");
        Ok(())
    }

    #[test]
    fn groups_follow_each_other() -> Result<()> {
        let (_folder, paths) = repository()?;
        let mut series = Series {
            topics: vec![topic("a", &["servo"]), topic("b", &["servo"])],
        };
        series.topics[1].header.group = Group::Workers;
        series.write(&paths)?;
        let error = Series::load(&paths).expect_err("out of order").to_string();
        assert!(
            error.contains("topic b is of the group workers, but follows a"),
            "{error}"
        );
        Ok(())
    }

    #[test]
    fn a_wrong_line_is_named() {
        for text in [
            "servo.patch\n",
            "servo/A.patch\n",
            "servo/a.diff\n",
            "s/a.patch\ns/a.patch\n",
        ] {
            assert!(parse_list(text).is_err(), "{text}");
        }
    }
}
