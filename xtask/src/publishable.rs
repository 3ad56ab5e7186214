//! Every library that others may use has what they look for: what cargo and crates.io show of it, a README and an
//! example that are compiled, and documentation of every public item. Everything else can't be published by mistake.

use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{Package, Target};
use fs_err as fs;
use syn::{Attribute, Item};
use toml_edit::DocumentMut;

use crate::metadata;
use crate::paths::Paths;

/// crates.io refuses more keywords, or categories.
const MAX_TERMS: usize = 5;

/// crates.io refuses a longer keyword, in bytes.
const MAX_KEYWORD_BYTES: usize = 20;

fn may_be_published(package: &Package) -> bool {
    package.publish.as_ref().is_none_or(|to| !to.is_empty())
}

fn target(package: &Package, is_of_kind: fn(&Target) -> bool) -> Option<&Target> {
    package.targets.iter().find(|target| is_of_kind(target))
}

/// What a package lacks. `repository` is where the whole of it is developed, if that is known.
fn lacks(package: &Package, repository: Option<&str>) -> Result<Vec<&'static str>> {
    let library = target(package, Target::is_lib).context("it has a library")?;
    let text = fs::read_to_string(&library.src_path)?;
    let root: syn::File = syn::parse_str(&text)?;
    let short = |terms: &[String]| (1..=MAX_TERMS).contains(&terms.len());
    let keywords_fit = package
        .keywords
        .iter()
        .all(|it| it.len() <= MAX_KEYWORD_BYTES);
    let all = [
        ("a description", package.description.is_some()),
        ("a license", package.license.is_some()),
        ("a rust-version", package.rust_version.is_some()),
        ("keywords", short(&package.keywords) && keywords_fit),
        ("categories", short(&package.categories)),
        (
            "the workspace's repository",
            package.repository.as_deref() == repository,
        ),
        ("a README with its name", has_readme(package)?),
        (
            "an example in examples/",
            target(package, Target::is_example).is_some(),
        ),
        ("#![deny(missing_docs)]", denies_missing_docs(&root)),
        ("a test of its README", compiles_readme(&root)),
    ];
    let lacking = all.into_iter().filter(|(_, has)| !has);
    Ok(lacking.map(|(what, _)| what).collect())
}

fn has_readme(package: &Package) -> Result<bool> {
    let (Some(readme), Some(folder)) = (&package.readme, package.manifest_path.parent()) else {
        return Ok(false);
    };
    let text = fs::read_to_string(folder.join(readme))
        .with_context(|| format!("the README of {}", package.name))?;
    Ok(text.lines().next() == Some(&format!("# {}", package.name)))
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
    for package in metadata::members(&paths.root)?.packages {
        if !may_be_published(&package) {
            continue;
        }
        for what in lacks(&package, repository.as_deref())? {
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
    for package in metadata::members(&paths.root)?.packages {
        let is_component = package.manifest_path.starts_with(&components);
        assert_eq!(
            may_be_published(&package),
            is_component,
            "{}: whether it may be published",
            package.name
        );
    }
    Ok(())
}

#[test]
fn a_library_without_anything_lacks_all_of_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let src_path = folder.path().join("lib.rs");
    // A comment and an attribute of something else do not count.
    let text = "// #![deny(missing_docs)]\n#![warn(missing_docs)]\n#[cfg(doctest)]\nstruct Readme;";
    fs::write(&src_path, text)?;
    let package: Package = serde_json::from_value(serde_json::json!({
        "name": "bare", "version": "0.1.0", "id": "bare", "dependencies": [], "features": {},
        "manifest_path": folder.path().join("Cargo.toml"),
        "keywords": ["longer-than-crates-io-takes"],
        "targets": [{
            "name": "bare", "kind": ["lib"], "crate_types": ["lib"], "src_path": src_path,
            "edition": "2024"
        }]
    }))?;
    let lacking = lacks(&package, Some("https://git.example/"))?;
    assert_eq!(lacking.len(), 10, "{lacking:?}");
    Ok(())
}
