//! Servo's sources as published: found by cargo, and kept as the first commit of the patched tree. Cargo downloads and
//! checks them; `cargo vendor` would copy every crate that Servo needs, not only those that are patched.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;
use toml_edit::DocumentMut;

use crate::metadata;
use crate::paths::Paths;

/// One crate of Servo, as cargo unpacked it.
#[derive(Clone, Debug)]
pub struct PublishedCrate {
    /// Its name, which is its folder in the patched tree.
    pub name: String,
    /// Where its sources are.
    pub folder: PathBuf,
}

/// The crates that the patched tree starts from.
#[derive(Clone, Debug)]
pub struct Published {
    /// The version of Servo.
    pub version: String,
    /// Sorted by name.
    pub crates: Vec<PublishedCrate>,
}

impl Published {
    /// Asks cargo for the crates that `servo/pin/Cargo.toml` names; downloads them if need be.
    pub fn find(paths: &Paths) -> Result<Self> {
        let (version, names) = read_pin(paths)?;
        let mut cargo = metadata::command(&paths.pin());
        cargo.args(["--locked", "--quiet"]);
        let mut offline = metadata::command(&paths.pin());
        offline.args(["--locked", "--quiet", "--offline"]);
        // The first attempt needs no network, which is the rule once everything has been downloaded.
        let metadata = metadata::read(&mut offline).or_else(|_| {
            eprintln!("Downloading the sources of Servo {version}.");
            metadata::read(&mut cargo).with_context(|| {
                format!("cargo cannot get the sources of Servo {version} from crates.io")
            })
        })?;
        let mut crates = Vec::new();
        for name in names {
            let found = metadata.packages.iter().find(|package| {
                *package.name == name
                    && package.version.to_string() == version
                    && package.source.is_some()
            });
            let Some(package) = found else {
                bail!("servo/pin/Cargo.toml lists {name}, but Servo {version} has no such crate");
            };
            let folder = package
                .manifest_path
                .parent()
                .context("a manifest has a folder")?;
            crates.push(PublishedCrate {
                name,
                folder: folder.into(),
            });
        }
        Ok(Self { version, crates })
    }

    /// The commit message of the first commit.
    pub fn message(&self) -> String {
        format!("Servo {} as published\n", self.version)
    }

    /// The name of the first commit of the patched tree. Published versions never change, so the names say everything that
    /// it depends on.
    pub fn reference(&self) -> String {
        let names: Vec<&str> = self
            .crates
            .iter()
            .map(|known| known.name.as_str())
            .collect();
        let mut hasher = DefaultHasher::new();
        names.hash(&mut hasher);
        format!("refs/published/{}-{:016x}", self.version, hasher.finish())
    }

    /// Whether the patched tree has a folder for this crate.
    pub fn has(&self, crate_name: &str) -> bool {
        self.crates.iter().any(|known| known.name == crate_name)
    }
}

fn read_pin(paths: &Paths) -> Result<(String, Vec<String>)> {
    let pin = paths.pin();
    let text = fs::read_to_string(&pin)?;
    let document: DocumentMut = text
        .parse()
        .with_context(|| format!("{} is no TOML", pin.display()))?;
    let version = document["dependencies"]["servo"]
        .as_str()
        .and_then(|version| version.strip_prefix('='))
        .with_context(|| format!("{} must pin servo = \"=x.y.z\"", pin.display()))?;
    let names = document
        .get("package")
        .and_then(|table| table.get("metadata"))
        .and_then(|table| table.get("servo-tree"))
        .and_then(|table| table.get("crates"))
        .and_then(|crates| crates.as_array())
        .with_context(|| {
            format!(
                "{} must list crates in [package.metadata.servo-tree]",
                pin.display()
            )
        })?;
    let mut names: Vec<String> = names
        .iter()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect();
    names.sort();
    ensure!(
        !names.is_empty(),
        "{} lists no crates to patch",
        pin.display()
    );
    Ok((version.to_owned(), names))
}
