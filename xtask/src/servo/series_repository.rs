//! Turns the series into commits, and commits back into the series, by git in a bare repository beside the patched tree: nothing
//! there is checked out, so nothing is rebuilt.
//!
//! Not `git am` and `git format-patch`: they would check out each topic and give all patched files new time stamps; their patches
//! are one a commit, not one a crate and commit, have dates and object names that change with each rebase, and apply with
//! offsets without a word.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;

use super::published::Published;
use super::series::{CratePatch, Series, Topic};
use super::topic_header::Header;
use crate::command;
use crate::git::Repository;

/// Files of a published crate that cargo added, or that say nothing about the sources.
const NOT_SOURCES: [&str; 4] = [
    ".cargo-ok",
    ".cargo_vcs_info.json",
    "Cargo.lock",
    "Cargo.toml.orig",
];

/// How a patch is made. One line of context: the sources are pinned to the byte and no offset is accepted, so more of
/// Servo's text would not make the place any surer, only the patches longer.
const DIFF: &str = "diff-tree -p -U1 --no-renames --no-color --no-ext-diff --no-textconv --diff-algorithm=myers \
                    --indent-heuristic --inter-hunk-context=0 --src-prefix=a/ --dst-prefix=b/";

/// How a patch whose line numbers are off is treated.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Offsets {
    /// It is an error: the sources are exactly the ones that the patch was made from.
    Refuse,
    /// It is applied: for a series that was merged or edited by hand, to be exported afterwards.
    Allow,
}

/// The series as commits.
#[derive(Clone, Debug)]
pub struct Commits {
    /// Servo as published.
    pub base: String,
    /// The last commit.
    pub tip: String,
}

/// The bare repository.
#[derive(Clone, Debug)]
pub struct SeriesRepository {
    /// Itself.
    pub git: Repository,
}

impl SeriesRepository {
    /// Opens the repository, or creates it.
    pub fn open(folder: &Path) -> Result<Self> {
        let git = Repository::at(folder.to_path_buf());
        if !folder.join("HEAD").is_file() {
            fs::create_dir_all(folder)?;
            git.text(&["init", "--quiet", "--bare", "."])?;
        }
        Ok(Self { git })
    }

    /// Git with an index of its own, so that a run that was interrupted leaves nothing behind.
    fn git_with_index(&self, index: &str) -> Command {
        let mut git = self.git.command();
        git.env("GIT_INDEX_FILE", self.git.folder().join(index));
        git
    }

    /// The name that git gives to the content of a file in a commit.
    pub fn blob(&self, commit: &str, path: &str) -> Result<String> {
        self.git.text(&["rev-parse", &format!("{commit}:{path}")])
    }

    /// Every path in a commit.
    pub fn paths_in(&self, commit: &str) -> Result<Vec<PathBuf>> {
        let list = self
            .git
            .text(&["ls-tree", "-r", "-z", "--name-only", commit])?;
        Ok(list.split_terminator('\0').map(PathBuf::from).collect())
    }

    /// Writes the files of a commit into a folder.
    pub fn write_out(&self, commit: &str, folder: &Path) -> Result<()> {
        const INDEX: &str = "index-of-a-copy";
        command::output(self.git_with_index(INDEX).args(["read-tree", commit]))?;
        fs::create_dir_all(folder)?;
        let mut git = self.git_with_index(INDEX);
        git.env("GIT_DIR", self.git.folder())
            .env("GIT_WORK_TREE", folder)
            .current_dir(folder)
            .args(["checkout-index", "--all", "--quiet"]);
        command::output(&mut git)?;
        Ok(())
    }

    /// The first commit of the patched tree, made now or earlier.
    pub fn commit_published(&self, published: &Published) -> Result<String> {
        let name = published.reference();
        if let Some(commit) = self.git.resolve(&name)? {
            return Ok(commit);
        }
        let commit = self.commit_sources(published)?;
        self.git.set_reference(&name, &commit)?;
        Ok(commit)
    }

    fn commit_sources(&self, published: &Published) -> Result<String> {
        const INDEX: &str = "index-of-one-crate";
        let mut listing = String::new();
        for known in &published.crates {
            command::output(self.git_with_index(INDEX).args(["read-tree", "--empty"]))?;
            let in_sources = || {
                let mut git = self.git_with_index(INDEX);
                git.env("GIT_DIR", self.git.folder())
                    .env("GIT_WORK_TREE", &known.folder);
                git.current_dir(&known.folder);
                git
            };
            command::output(in_sources().args(["add", "--all", "--force", "."]))?;
            let mut remove = in_sources();
            remove
                .args(["update-index", "--force-remove", "--"])
                .args(NOT_SOURCES);
            command::output(&mut remove)?;
            let tree = command::text(self.git_with_index(INDEX).arg("write-tree"))?;
            let _ = writeln!(listing, "040000 tree {tree}\t{}", known.name);
        }
        let mut make_tree = self.git.command();
        let output = command::output_with_input(make_tree.arg("mktree"), listing.as_bytes())?;
        let output = command::check(&make_tree, output)?;
        let tree = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        self.commit(&tree, None, "upstream", &published.message())
    }

    /// A commit whose hash depends on nothing but its arguments.
    fn commit(
        &self,
        tree: &str,
        parent: Option<&str>,
        author: &str,
        message: &str,
    ) -> Result<String> {
        const DATE: &str = "2026-01-01T00:00:00Z";
        let email = format!("{author}@invalid");
        let mut git = self.git.command();
        git.args(["commit-tree", tree]);
        git.args(parent.iter().flat_map(|parent| ["-p", parent]));
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), author)
                .env(format!("GIT_{role}_EMAIL"), &email)
                .env(format!("GIT_{role}_DATE"), DATE);
        }
        let output = command::output_with_input(&mut git, message.as_bytes())?;
        let output = command::check(&git, output)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Makes one commit a topic, on top of the published sources.
    pub fn commit_series(
        &self,
        published: &Published,
        series: &Series,
        offsets: Offsets,
    ) -> Result<Commits> {
        let commits = self.commit_part(published, series, offsets)?;
        // Named, so that git keeps the commits and lets others fetch them.
        self.git.set_reference("refs/heads/series", &commits.tip)?;
        self.git
            .set_reference("refs/heads/upstream", &commits.base)?;
        Ok(commits)
    }

    /// The same for a series that is not the one of the source tree.
    pub fn commit_part(
        &self,
        published: &Published,
        series: &Series,
        offsets: Offsets,
    ) -> Result<Commits> {
        const INDEX: &str = "index-of-the-series";
        let base = self.commit_published(published)?;
        command::output(self.git_with_index(INDEX).args(["read-tree", &base]))?;
        let mut tip = base.clone();
        for topic in &series.topics {
            for patch in &topic.patches {
                let file = format!("servo/patches/{}/{}.patch", patch.crate_name, topic.name);
                ensure!(
                    published.has(&patch.crate_name),
                    "{file} patches a crate that servo/pin/Cargo.toml does not list"
                );
                self.apply(INDEX, patch, offsets).with_context(|| file)?;
            }
            let tree = command::text(self.git_with_index(INDEX).arg("write-tree"))?;
            let message = topic.header.to_commit(&topic.name);
            tip = self.commit(&tree, Some(&tip), "series", &message)?;
        }
        Ok(Commits { base, tip })
    }

    /// Applies without fuzz: `git apply` has none.
    fn apply(&self, index: &str, patch: &CratePatch, offsets: Offsets) -> Result<()> {
        let mut git = self.git_with_index(index);
        git.args(["apply", "--cached", "--verbose", "--whitespace=nowarn"])
            .arg(format!("--directory={}", patch.crate_name))
            .arg("-");
        let output = command::output_with_input(&mut git, patch.diff.as_bytes())?;
        let report = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let cause = report.lines().find(|line| line.starts_with("error:"));
            let cause = cause
                .unwrap_or("git apply said nothing")
                .trim_start_matches("error: ");
            bail!("does not apply: {cause}");
        }
        if let Some(line) = report.lines().find(|line| line.contains("(offset "))
            && offsets == Offsets::Refuse
        {
            bail!(
                "its line numbers are off ({}); `cargo xtask servo apply --allow-offsets`, then \
                 `cargo xtask servo export`, writes the right ones",
                line.trim().trim_end_matches('.')
            );
        }
        Ok(())
    }

    /// The series that commits stand for, from the first one after `base`.
    pub fn read_series(&self, published: &Published, base: &str, tip: &str) -> Result<Series> {
        let range = format!("{base}..{tip}");
        let list = self
            .git
            .text(&["rev-list", "--reverse", "--parents", &range])?;
        let mut series = Series::default();
        let mut previous = base.to_owned();
        for line in list.lines() {
            let Some((commit, parent)) = line.split_once(' ') else {
                bail!("commit {line} has no parent, so it is not on top of the published sources");
            };
            let short = &commit[..commit.len().min(10)];
            ensure!(
                parent == previous,
                "commit {short} is a merge or branches off; the series must be one line of commits"
            );
            previous = commit.to_owned();
            let topic = self
                .read_topic(published, parent, commit)
                .with_context(|| format!("commit {short} in the patched tree"))?;
            if let Some(same) = series.topics.iter().find(|known| known.name == topic.name) {
                bail!(
                    "commit {short} has the topic {} again; squash it into \"{}\"",
                    topic.name,
                    same.header.subject
                );
            }
            series.check_order(&topic.name, topic.header.group)?;
            series.topics.push(topic);
        }
        Ok(series)
    }

    fn read_topic(&self, published: &Published, parent: &str, commit: &str) -> Result<Topic> {
        let message = command::text(
            self.git
                .command()
                .args(["log", "-1", "--format=%B", commit]),
        )?;
        let (header, name) = Header::from_commit(&message)?;
        let options = ["diff-tree", "-r", "-z", "--name-only", "--no-renames"];
        let changed = command::text(self.git.command().args(options).args([parent, commit]))?;
        let mut patches: Vec<CratePatch> = Vec::new();
        for path in changed.split_terminator('\0') {
            let crate_name = path.split('/').next().unwrap_or_default();
            ensure!(
                published.has(crate_name),
                "{path} is in no crate that servo/pin/Cargo.toml lists"
            );
            if patches.iter().any(|patch| patch.crate_name == crate_name) {
                continue;
            }
            let diff = self.diff(parent, commit, crate_name)?;
            patches.push(CratePatch {
                crate_name: crate_name.to_owned(),
                diff,
            });
        }
        ensure!(!patches.is_empty(), "changes nothing");
        patches.sort_by(|one, other| one.crate_name.cmp(&other.crate_name));
        Ok(Topic {
            name,
            header,
            patches,
        })
    }

    /// One crate's part of a commit.
    fn diff(&self, parent: &str, commit: &str, crate_name: &str) -> Result<String> {
        let mut git = self.git.command();
        git.args(DIFF.split(' '))
            .arg(format!("--relative={crate_name}/"))
            .args([parent, commit]);
        let text = String::from_utf8(command::output(&mut git)?.stdout)
            .with_context(|| format!("a change in {crate_name} is not UTF-8"))?;
        ensure!(
            !text.lines().any(|line| line.starts_with("Binary files ")),
            "a change in {crate_name} is binary, which a patch cannot carry"
        );
        // Object names say nothing that the pinned sources do not, and change with every edit above.
        Ok(text
            .split_inclusive('\n')
            .filter(|line| !line.starts_with("index "))
            .collect())
    }
}
