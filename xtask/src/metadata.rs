//! Asks cargo about a workspace. `cargo_metadata` reads the answer; cargo is started here, because `command::cargo` knows
//! which variables it may see.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};

use crate::command;

/// `cargo metadata` for the workspace of this manifest.
pub fn command(manifest: &Path) -> Command {
    let mut cargo = command::cargo();
    cargo
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(manifest);
    cargo
}

/// What such a command prints.
pub fn read(cargo: &mut Command) -> Result<Metadata> {
    parse(&command::text(cargo)?)
}

/// The same from its text.
pub fn parse(text: &str) -> Result<Metadata> {
    MetadataCommand::parse(text).context("cargo metadata printed something else")
}

/// The packages of the workspace at the root of the source tree.
pub fn members(root: &Path) -> Result<Metadata> {
    read(command(&root.join("Cargo.toml")).arg("--no-deps"))
}
