//! The patched tree: a git repository in the cache, in which patches are edited.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use super::chain::{Chain, Staging};
use crate::command::{self, git};
use crate::files;

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
    folder: PathBuf,
}

impl PatchedTree {
    /// The tree at this folder, which need not exist yet.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn git(&self) -> Command {
        git(&self.folder)
    }

    fn text(&self, arguments: &[&str]) -> Result<String> {
        command::text(self.git().args(arguments))
    }

    /// Whether it has been assembled before.
    pub fn exists(&self) -> bool {
        self.folder.join(".git/HEAD").is_file()
    }

    /// The commit that a name stands for.
    pub fn resolve(&self, name: &str) -> Result<Option<String>> {
        let mut git = self.git();
        git.args([
            "rev-parse",
            "--verify",
            "--quiet",
            &format!("{name}^{{commit}}"),
        ]);
        let output = git
            .output()
            .map_err(|error| command::start_error(&git, error))?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(output.status.success().then_some(text))
    }

    /// The first uncommitted edit, if any. The overlay does not count: git is told to ignore it.
    pub fn uncommitted(&self) -> Result<Option<String>> {
        let status = self.text(&["status", "--porcelain", "--untracked-files=all"])?;
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
            if self.folder.join(".git").join(file).exists() {
                bail!(
                    "a {what} is under way in {}: finish it first",
                    self.folder.display()
                );
            }
        }
        Ok(())
    }

    /// Creates the repository if there is none.
    pub fn init(&self) -> Result<()> {
        fs::create_dir_all(&self.folder)
            .with_context(|| format!("cannot create {}", self.folder.display()))?;
        if !self.exists() {
            self.text(&["init", "--quiet", "--initial-branch=main", "."])?;
        }
        let template = self.folder.join(".git/topic-template");
        if files::write_if_different(&template, include_bytes!("topic-template"))? {
            self.text(&["config", "commit.template", ".git/topic-template"])?;
        }
        Ok(())
    }

    /// Puts the tree at the tip of the series; files that do not change keep their time stamps.
    pub fn bring_to(&self, staging: &Staging, chain: &Chain, local: LocalWork) -> Result<Brought> {
        self.refuse_unfinished()?;
        self.offer(staging, chain)?;
        let head = self.resolve("HEAD")?;
        let mut brought = Brought::ToSeries;
        if let Some(head) = &head
            && let Some(work) = self.local_work(head, chain)?
        {
            match local {
                LocalWork::Drop => brought = Brought::WithBackup(self.back_up(head)?),
                LocalWork::Keep if self.is_on_top_of(head, chain)? => {
                    return Ok(Brought::KeptLocalWork);
                }
                _ => bail!(
                    "{} has {work} that the series does not have: {}, or `cargo xtask servo apply \
                     --force` to put it aside on a backup branch",
                    self.folder.display(),
                    if self.was_made_from(chain)? {
                        "run `cargo xtask servo export` to keep it"
                    } else {
                        MOVED
                    }
                ),
            }
        }
        if head.as_ref() != Some(&chain.tip) || brought != Brought::ToSeries {
            self.text(&["reset", "--hard", "--quiet", &chain.tip])?;
            self.text(&["clean", "-d", "--force", "--quiet"])?;
        }
        self.set_applied(&chain.tip)?;
        Ok(brought)
    }

    /// Moves the branch to the same content in the form that `apply` gives it, after an export.
    pub fn adopt(&self, staging: &Staging, chain: &Chain) -> Result<()> {
        self.offer(staging, chain)?;
        self.text(&["reset", "--soft", &chain.tip])?;
        self.set_applied(&chain.tip)
    }

    /// Brings the published sources in as the branch `upstream`, and touches no file.
    pub fn set_upstream(&self, staging: &Staging, base: &str) -> Result<()> {
        self.fetch_commit(staging, base)?;
        self.text(&["update-ref", "refs/heads/upstream", base])?;
        Ok(())
    }

    /// Brings the series in as the branch `series`, and touches no file.
    pub fn offer(&self, staging: &Staging, chain: &Chain) -> Result<()> {
        self.fetch_commit(staging, &chain.tip)?;
        self.text(&["update-ref", "refs/heads/series", &chain.tip])?;
        self.text(&["update-ref", "refs/heads/upstream", &chain.base])?;
        Ok(())
    }

    fn fetch_commit(&self, staging: &Staging, commit: &str) -> Result<()> {
        let mut git = self.git();
        git.args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"]);
        command::output(git.arg(staging.folder()).arg(commit))?;
        Ok(())
    }

    fn set_applied(&self, commit: &str) -> Result<()> {
        self.text(&["update-ref", APPLIED, commit])?;
        Ok(())
    }

    /// What would be lost by moving the tree to the series, in words.
    fn local_work(&self, head: &str, chain: &Chain) -> Result<Option<String>> {
        if let Some(path) = self.uncommitted()? {
            return Ok(Some(format!("uncommitted edits ({path})")));
        }
        // What an earlier `apply` put there is in some version of the series, and so is every commit
        // of this one.
        if self.resolve(APPLIED)?.as_deref() == Some(head) || self.is_ancestor(head, &chain.tip)? {
            return Ok(None);
        }
        let same = self.text(&["rev-parse", &format!("{head}^{{tree}}")])?
            == self.text(&["rev-parse", &format!("{}^{{tree}}", chain.tip)])?;
        if same {
            return Ok(None);
        }
        let subject = self.text(&["log", "-1", "--format=%s", head])?;
        Ok(Some(format!("commits (up to \"{subject}\")")))
    }

    fn is_ancestor(&self, ancestor: &str, commit: &str) -> Result<bool> {
        let mut git = self.git();
        git.args(["merge-base", "--is-ancestor", ancestor, commit]);
        Ok(git
            .status()
            .map_err(|error| command::start_error(&git, error))?
            .success())
    }

    /// Whether the tree was assembled from exactly this series, or nobody knows from which.
    pub fn was_made_from(&self, chain: &Chain) -> Result<bool> {
        Ok(self
            .resolve(APPLIED)?
            .is_none_or(|applied| applied == chain.tip))
    }

    /// Whether the tree was assembled from other sources than these.
    pub fn has_moved_from(&self, base: &str) -> Result<bool> {
        match self.resolve(APPLIED)? {
            Some(applied) => Ok(!self.is_ancestor(base, &applied)?),
            None => Ok(false),
        }
    }

    /// Whether local work was made on exactly this series.
    fn is_on_top_of(&self, head: &str, chain: &Chain) -> Result<bool> {
        Ok(self.was_made_from(chain)? || self.is_ancestor(&chain.tip, head)?)
    }

    /// Keeps everything that is there, committed or not, on a branch of its own.
    fn back_up(&self, head: &str) -> Result<String> {
        let index = self.folder.join(".git/index-of-the-backup");
        let with_index = || {
            let mut git = self.git();
            git.env("GIT_INDEX_FILE", &index);
            git
        };
        command::output(with_index().args(["read-tree", head]))?;
        command::output(with_index().args(["add", "--all", "."]))?;
        let tree = command::text(with_index().arg("write-tree"))?;
        let mut commit = self.git();
        commit.args([
            "commit-tree",
            &tree,
            "-p",
            head,
            "-m",
            "Put aside by apply --force",
        ]);
        for role in ["AUTHOR", "COMMITTER"] {
            commit.env(format!("GIT_{role}_NAME"), "backup");
            commit.env(format!("GIT_{role}_EMAIL"), "backup@invalid");
        }
        let commit = command::text(&mut commit)?;
        // The index is only a scratch file; one that stays behind harms nothing.
        let _ = fs::remove_file(&index);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |now| now.as_secs());
        let branch = format!("backup/{now}-{}", &commit[..commit.len().min(8)]);
        self.text(&["branch", &branch, &commit])?;
        Ok(branch)
    }

    /// Where git keeps the list of files that it ignores in this repository only.
    pub fn exclude_file(&self) -> PathBuf {
        self.folder.join(".git/info/exclude")
    }

    /// Where the files of the last overlay are listed.
    pub fn overlay_list(&self) -> PathBuf {
        self.folder.join(".git/background-sync-overlay")
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
