//! The patched tree: a git repository in the cache, in which patches are edited. To edit, reorder and merge topics is git's
//! business (`commit --fixup`, `rebase`); here the tree is brought to the series, and nothing is lost on the way, which
//! `git reset` alone would not see to.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use fs_err as fs;

use super::series_repository::{Commits, SeriesRepository};
use crate::command;
use crate::files;
use crate::git::Repository;

/// Where the tree was put by the last `apply` or `export`.
const APPLIED: &str = "refs/background-sync/applied";

/// What to do when both the tree and the series have changed.
pub const MOVED: &str = "servo/patches has changed too since then, so commit it there and run `git \
                         rebase --onto series refs/background-sync/applied`, then `cargo xtask \
                         servo export`";

/// What to do with edits and commits that the series does not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LocalWork {
    /// Leave everything as it is and say so.
    Refuse,
    /// Build on it, if it is based on this very series.
    Keep,
    /// Put it on a backup branch, then take the series.
    Drop,
}

/// What [`PatchedTree::bring_to`] did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Brought {
    /// The tree is the series now.
    ToSeries,
    /// The tree has local work on top of the series.
    KeptLocalWork,
    /// The tree is the series now, and what was there is on this branch.
    WithBackup(String),
}

/// The repository of patched crates.
#[derive(Clone, Debug)]
pub struct PatchedTree {
    /// The repository.
    pub git: Repository,
}

impl PatchedTree {
    /// The tree at this folder, which need not exist yet.
    pub fn at(folder: PathBuf) -> Self {
        Self {
            git: Repository::at(folder),
        }
    }

    /// Whether it has been assembled before.
    pub fn exists(&self) -> bool {
        self.git.folder().join(".git/HEAD").is_file()
    }

    /// The first uncommitted edit, if any. The overlay does not count: git is told to ignore it.
    pub fn uncommitted(&self) -> Result<Option<String>> {
        let status = self
            .git
            .text(&["status", "--porcelain", "--untracked-files=all"])?;
        Ok(status
            .lines()
            .next()
            .map(|line| line.get(3..).unwrap_or(line).to_owned()))
    }

    /// Refuses while a rebase, a merge or the like is under way.
    pub fn refuse_unfinished(&self) -> Result<()> {
        for (file, what) in [
            ("rebase-merge", "rebase"),
            ("rebase-apply", "rebase"),
            ("MERGE_HEAD", "merge"),
            ("CHERRY_PICK_HEAD", "cherry-pick"),
            ("REVERT_HEAD", "revert"),
        ] {
            if self.git.folder().join(".git").join(file).exists() {
                bail!(
                    "a {what} is under way in {}: finish it first",
                    self.git.folder().display()
                );
            }
        }
        Ok(())
    }

    /// Creates the repository if there is none.
    pub fn init(&self) -> Result<()> {
        fs::create_dir_all(self.git.folder())?;
        if !self.exists() {
            self.git
                .text(&["init", "--quiet", "--initial-branch=main", "."])?;
        }
        let template = self.git.folder().join(".git/topic-template");
        if files::write_if_different(&template, include_bytes!("topic-template"))? {
            self.git
                .text(&["config", "commit.template", ".git/topic-template"])?;
        }
        Ok(())
    }

    /// Puts the tree at the tip of the series; files that do not change keep their time stamps.
    pub fn bring_to(
        &self,
        repository: &SeriesRepository,
        commits: &Commits,
        local: LocalWork,
    ) -> Result<Brought> {
        self.refuse_unfinished()?;
        self.offer(repository, commits)?;
        let head = self.git.resolve("HEAD")?;
        let mut brought = Brought::ToSeries;
        if let Some(head) = &head
            && let Some(work) = self.local_work(head, commits)?
        {
            match local {
                LocalWork::Drop => brought = Brought::WithBackup(self.back_up()?),
                LocalWork::Keep if self.is_on_top_of(head, commits)? => {
                    return Ok(Brought::KeptLocalWork);
                }
                _ => bail!(
                    "{} has {work} that the series does not have: {}, or `cargo xtask servo apply \
                     --force` to put it aside on a backup branch",
                    self.git.folder().display(),
                    if self.was_made_from(commits)? {
                        "run `cargo xtask servo export` to keep it"
                    } else {
                        MOVED
                    }
                ),
            }
        }
        if head.as_ref() != Some(&commits.tip) || brought != Brought::ToSeries {
            self.git
                .text(&["reset", "--hard", "--quiet", &commits.tip])?;
            self.git.text(&["clean", "-d", "--force", "--quiet"])?;
        }
        self.set_applied(&commits.tip)?;
        Ok(brought)
    }

    /// Moves the branch to the same content in the form that `apply` gives it, after an export.
    pub fn adopt(&self, repository: &SeriesRepository, commits: &Commits) -> Result<()> {
        self.offer(repository, commits)?;
        self.git.text(&["reset", "--soft", &commits.tip])?;
        self.set_applied(&commits.tip)
    }

    /// Brings the published sources in as the branch `upstream`, and touches no file.
    pub fn set_upstream(&self, repository: &SeriesRepository, base: &str) -> Result<()> {
        self.git.fetch(repository.git.folder(), base)?;
        self.git.set_reference("refs/heads/upstream", base)
    }

    /// Brings the series in as the branch `series`, and touches no file.
    pub fn offer(&self, repository: &SeriesRepository, commits: &Commits) -> Result<()> {
        self.git.fetch(repository.git.folder(), &commits.tip)?;
        self.git.set_reference("refs/heads/series", &commits.tip)?;
        self.git.set_reference("refs/heads/upstream", &commits.base)
    }

    fn set_applied(&self, commit: &str) -> Result<()> {
        self.git.set_reference(APPLIED, commit)
    }

    /// What would be lost by moving the tree to the series, in words.
    fn local_work(&self, head: &str, commits: &Commits) -> Result<Option<String>> {
        if let Some(path) = self.uncommitted()? {
            return Ok(Some(format!("uncommitted edits ({path})")));
        }
        // What an earlier `apply` put there is in some version of the series, and so is every commit
        // of this one.
        if self.git.resolve(APPLIED)?.as_deref() == Some(head)
            || self.git.has_in_history(&commits.tip, head)?
        {
            return Ok(None);
        }
        let same = self.git.tree_of(head)? == self.git.tree_of(&commits.tip)?;
        if same {
            return Ok(None);
        }
        let subject = self.git.text(&["log", "-1", "--format=%s", head])?;
        Ok(Some(format!("commits (up to \"{subject}\")")))
    }

    /// Whether the tree was assembled from exactly this series, or nobody knows from which.
    pub fn was_made_from(&self, commits: &Commits) -> Result<bool> {
        Ok(self
            .git
            .resolve(APPLIED)?
            .is_none_or(|applied| applied == commits.tip))
    }

    /// Whether the tree was assembled from other sources than these.
    pub fn has_moved_from(&self, base: &str) -> Result<bool> {
        match self.git.resolve(APPLIED)? {
            Some(applied) => Ok(!self.git.has_in_history(&applied, base)?),
            None => Ok(false),
        }
    }

    /// Whether local work was made on exactly this series.
    fn is_on_top_of(&self, head: &str, commits: &Commits) -> Result<bool> {
        Ok(self.was_made_from(commits)? || self.git.has_in_history(head, &commits.tip)?)
    }

    /// Keeps everything that is there, committed or not, on a branch of its own. Leaves the tree to be reset: a stash would
    /// have the untracked files in a commit apart.
    fn back_up(&self) -> Result<String> {
        self.git.text(&["add", "--all", "."])?;
        let mut commit = self.git.command();
        commit.args(["commit", "--quiet", "--no-verify", "--allow-empty"]);
        commit.args(["--message", "Put aside by apply --force"]);
        for role in ["AUTHOR", "COMMITTER"] {
            commit.env(format!("GIT_{role}_NAME"), "backup");
            commit.env(format!("GIT_{role}_EMAIL"), "backup@invalid");
        }
        command::output(&mut commit)?;
        let commit = self.git.text(&["rev-parse", "--short=8", "HEAD"])?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.as_secs());
        let branch = format!("backup/{now}-{commit}");
        self.git.text(&["branch", &branch])?;
        Ok(branch)
    }

    /// Where git keeps the list of files that it ignores in this repository only.
    pub fn exclude_file(&self) -> PathBuf {
        self.git.folder().join(".git/info/exclude")
    }

    /// Where the files of the last overlay are listed.
    pub fn overlay_list(&self) -> PathBuf {
        self.git.folder().join(".git/background-sync-overlay")
    }
}
