//! Every library that others may use has what they look for: what cargo and crates.io show of it, a README and an
//! example that are compiled, and documentation of every public item. Everything else can't be published by mistake.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use syn::{Attribute, Item};
use toml_edit::DocumentMut;

use crate::command;
use crate::paths::Paths;

/// crates.io refuses more keywords, or categories.
const MAX_TERMS: usize = 5;

/// crates.io refuses a longer keyword, in bytes.
const MAX_KEYWORD_BYTES: usize = 20;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    description: Option<String>,
    license: Option<String>,
    rust_version: Option<String>,
    repository: Option<String>,
    readme: Option<PathBuf>,
    keywords: Vec<String>,
    categories: Vec<String>,
    targets: Vec<Target>,
    /// To which registries it may go. `None`: to any.
    publish: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    src_path: PathBuf,
}

impl Package {
    fn read_all(paths: &Paths) -> Result<Vec<Self>> {
        let mut cargo = command::cargo();
        cargo
            .current_dir(&paths.root)
            .args(["metadata", "--no-deps", "--format-version", "1"]);
        let metadata: Metadata = serde_json::from_str(&command::text(&mut cargo)?)?;
        Ok(metadata.packages)
    }

    fn may_be_published(&self) -> bool {
        self.publish.as_ref().is_none_or(|to| !to.is_empty())
    }

    fn target(&self, kind: &str) -> Option<&Target> {
        let is_of = |target: &&Target| target.kind.iter().any(|it| it == kind);
        self.targets.iter().find(is_of)
    }

    /// What it lacks. `repository` is where the whole of it is developed, if that is known.
    fn lacks(&self, repository: Option<&str>) -> Result<Vec<&'static str>> {
        let library = self.target("lib").context("it has a library")?;
        let text = fs::read_to_string(&library.src_path)?;
        let root: syn::File = syn::parse_str(&text)?;
        let short = |terms: &[String]| (1..=MAX_TERMS).contains(&terms.len());
        let keywords_fit = self.keywords.iter().all(|it| it.len() <= MAX_KEYWORD_BYTES);
        let all = [
            ("a description", self.description.is_some()),
            ("a license", self.license.is_some()),
            ("a rust-version", self.rust_version.is_some()),
            ("keywords", short(&self.keywords) && keywords_fit),
            ("categories", short(&self.categories)),
            (
                "the workspace's repository",
                self.repository.as_deref() == repository,
            ),
            ("a README with its name", self.has_readme()?),
            ("an example in examples/", self.target("example").is_some()),
            ("#![deny(missing_docs)]", denies_missing_docs(&root)),
            ("a test of its README", compiles_readme(&root)),
        ];
        let lacking = all.into_iter().filter(|(_, has)| !has);
        Ok(lacking.map(|(what, _)| what).collect())
    }

    fn has_readme(&self) -> Result<bool> {
        let (Some(readme), Some(folder)) = (&self.readme, self.manifest_path.parent()) else {
            return Ok(false);
        };
        let text = fs::read_to_string(folder.join(readme))
            .with_context(|| format!("the README of {}", self.name))?;
        Ok(text.lines().next() == Some(&format!("# {}", self.name)))
    }
}

fn has_attribute(attributes: &[Attribute], outer: &str, inner: &str) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident(outer)
            && attribute
                .parse_args::<syn::Ident>()
                .is_ok_and(|it| it == inner)
    })
}

fn denies_missing_docs(root: &syn::File) -> bool {
    has_attribute(&root.attrs, "deny", "missing_docs")
}

/// `#[cfg(doctest)] #[doc = include_str!("../README.md")]`, on an item that nobody sees.
fn compiles_readme(root: &syn::File) -> bool {
    root.items.iter().any(|item| {
        let Item::Struct(item) = item else {
            return false;
        };
        let includes = item.attrs.iter().any(|attribute| {
            let value = attribute
                .meta
                .require_name_value()
                .map(|it| it.value.clone());
            let Ok(syn::Expr::Macro(value)) = value else {
                return false;
            };
            let file = value.mac.parse_body::<syn::LitStr>();
            value.mac.path.is_ident("include_str")
                && file.is_ok_and(|file| file.value() == "../README.md")
        });
        includes && has_attribute(&item.attrs, "cfg", "doctest")
    })
}

/// Where the whole workspace is developed, if its manifest says so.
fn repository(root: &Path) -> Result<Option<String>> {
    let manifest: DocumentMut = fs::read_to_string(root.join("Cargo.toml"))?.parse()?;
    let package = manifest["workspace"].get("package");
    let repository = package.and_then(|it| it.get("repository"));
    Ok(repository.and_then(|it| it.as_str()).map(str::to_owned))
}

#[test]
fn what_others_may_use_has_what_they_look_for() -> Result<()> {
    let paths = Paths::find()?;
    let repository = repository(&paths.root)?;
    let mut lacking = Vec::new();
    for package in Package::read_all(&paths)? {
        if !package.may_be_published() {
            continue;
        }
        for what in package.lacks(repository.as_deref())? {
            lacking.push(format!("{} lacks {what}", package.name));
        }
    }
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
    Ok(())
}

/// A component is for others; what only builds and tests is not.
#[test]
fn components_are_published_and_nothing_else() -> Result<()> {
    let paths = Paths::find()?;
    let components = paths.root.join("components");
    for package in Package::read_all(&paths)? {
        let is_component = package.manifest_path.starts_with(&components);
        assert_eq!(
            package.may_be_published(),
            is_component,
            "{}: whether it may be published",
            package.name
        );
    }
    Ok(())
}

#[test]
fn files_that_security_md_names_are_there() -> Result<()> {
    let paths = Paths::find()?;
    let text = fs::read_to_string(paths.root.join("SECURITY.md"))?;
    let code = text.split('`').skip(1).step_by(2);
    let files: Vec<&str> = code.filter(|it| it.contains('/')).collect();
    assert!(!files.is_empty(), "each claim names the file that keeps it");
    let gone = files.iter().filter(|it| !paths.root.join(it).exists());
    let gone: Vec<_> = gone.collect();
    assert!(gone.is_empty(), "SECURITY.md names {gone:?}");
    Ok(())
}

#[test]
fn a_library_without_anything_lacks_all_of_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let src_path = folder.path().join("lib.rs");
    // A comment and an attribute of something else do not count.
    let text = "// #![deny(missing_docs)]\n#![warn(missing_docs)]\n#[cfg(doctest)]\nstruct Readme;";
    fs::write(&src_path, text)?;
    let kind = vec!["lib".to_owned()];
    let package = Package {
        name: "bare".to_owned(),
        manifest_path: folder.path().join("Cargo.toml"),
        description: None,
        license: None,
        rust_version: None,
        repository: None,
        readme: None,
        keywords: vec!["longer-than-crates-io-takes".to_owned()],
        categories: Vec::new(),
        targets: vec![Target { kind, src_path }],
        publish: None,
    };
    let lacks = package.lacks(Some("https://git.example/"))?;
    assert_eq!(lacks.len(), 10, "{lacks:?}");
    Ok(())
}
