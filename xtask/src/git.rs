//! Git, as this tool runs it. Git does the work: a library (`git2`, `gix`) has no `apply`, `rebase` or `fetch` that would be
//! shorter to call.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::command;

/// A git command that no configuration, hook or variable of the user's changes.
pub fn command(folder: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C");
    for variable in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_PREFIX",
        "GIT_NAMESPACE",
    ] {
        git.env_remove(variable);
    }
    git.args(["-c", "core.autocrlf=false", "-c", "gc.auto=0"]);
    git
}

/// A repository, with what is done in more than one.
#[derive(Clone, Debug)]
pub struct Repository {
    folder: PathBuf,
}

impl Repository {
    /// The one in this folder, which need not exist yet.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Git in it.
    pub fn command(&self) -> Command {
        command(&self.folder)
    }

    /// What git prints.
    pub fn text(&self, arguments: &[&str]) -> Result<String> {
        command::text(self.command().args(arguments))
    }

    /// The commit that a name stands for.
    pub fn resolve(&self, name: &str) -> Result<Option<String>> {
        let commit = format!("{name}^{{commit}}");
        let mut git = self.command();
        git.args(["rev-parse", "--verify", "--quiet", &commit]);
        let output = git
            .output()
            .map_err(|error| command::start_error(&git, error))?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Ok(output.status.success().then_some(text))
    }

    /// The tree of a commit.
    pub fn tree_of(&self, commit: &str) -> Result<String> {
        self.text(&["rev-parse", &format!("{commit}^{{tree}}")])
    }

    /// Whether a commit has another in its history, or is it.
    pub fn has_in_history(&self, commit: &str, older: &str) -> Result<bool> {
        let mut git = self.command();
        git.args(["merge-base", "--is-ancestor", older, commit]);
        let output = git
            .output()
            .map_err(|error| command::start_error(&git, error))?;
        Ok(output.status.success())
    }

    /// Makes a name stand for a commit.
    pub fn set_reference(&self, name: &str, commit: &str) -> Result<()> {
        self.text(&["update-ref", name, commit]).map(drop)
    }

    /// Brings a commit of another repository here.
    pub fn fetch(&self, from: &Path, commit: &str) -> Result<()> {
        let mut git = self.command();
        git.args(["fetch", "--quiet", "--no-tags", "--no-write-fetch-head"]);
        command::output(git.arg(from).arg(commit)).map(drop)
    }
}
