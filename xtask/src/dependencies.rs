//! The direction of dependencies between our crates, and between Servo's and ours, as ARCHITECTURE.md draws it. `cargo deny`
//! can ban a crate, but not for some crates of a workspace alone, and does not read patches.

use std::collections::BTreeSet;

use anyhow::Result;
use cargo_metadata::DependencyKind;
use fs_err as fs;
use toml_edit::{DocumentMut, Item};

use crate::files;
use crate::metadata;
use crate::paths::Paths;

/// Each of our crates, and those of ours that it may use outside its tests.
const ALLOWED: [(&str, &[&str]); 7] = [
    ("cache_storage", &[]),
    ("notification_store", &[]),
    ("background_sync_core", &[]),
    ("background_sync_connectivity", &["background_sync_core"]),
    ("background_sync_store", &["background_sync_core"]),
    ("background_sync_traits", &["background_sync_core"]),
    (
        "background_sync",
        &[
            "background_sync_core",
            "background_sync_store",
            "background_sync_traits",
        ],
    ),
];

/// What crosses a process boundary; every patched crate may use it.
const SHARED: [&str; 4] = [
    "background_sync_core",
    "background_sync_traits",
    "cache_storage",
    "notification_store",
];

/// The patched crates that may use the thread: `servo` starts it, the constellation answers it, and the
/// constellation's messages carry its responders.
const OWNERS: [&str; 3] = ["servo", "servo-constellation", "servo-constellation-traits"];

#[test]
fn our_crates_depend_on_each_other_in_one_direction() -> Result<()> {
    let paths = Paths::find()?;
    for package in metadata::members(&paths.root)?.packages {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == *package.name) else {
            // A package of tests may use all of them.
            continue;
        };
        for dependency in &package.dependencies {
            let counts =
                is_ours(&dependency.name) && dependency.kind != DependencyKind::Development;
            assert!(
                !counts || allowed.contains(&dependency.name.as_str()),
                "{} may not depend on {}",
                package.name,
                dependency.name
            );
        }
    }
    Ok(())
}

#[test]
fn no_crate_of_ours_depends_on_servo_but_the_kiosk_on_its_public_crate() -> Result<()> {
    let paths = Paths::find()?;
    for file in files::list(&paths.root.join("components"))? {
        if file.ends_with("Cargo.toml") {
            let names = dependencies(&paths.root.join("components").join(&file))?;
            let servo = names.iter().find(|name| is_servos(name));
            assert_eq!(servo, None, "components/{}", file.display());
        }
    }
    let kiosk = paths.root.join("ports/kiosk/Cargo.toml");
    if kiosk.exists() {
        let names = dependencies(&kiosk)?;
        let own = [
            "background_sync_kiosk",
            // The interfaces of the machine are no business of the engine's.
            "background_sync_connectivity",
            // An operator's commands read a profile that no engine has open.
            "background_sync_core",
            "background_sync_store",
        ];
        // The server half of WebDriver is made for embedders.
        let public = ["servo", "servo-webdriver-server"];
        let inner = names.iter().find(|name| {
            (is_servos(name) && !public.contains(&name.as_str()))
                || (is_ours(name) && !own.contains(&name.as_str()))
        });
        assert_eq!(
            inner, None,
            "the kiosk uses what Servo has for embedders only"
        );
    }
    Ok(())
}

#[test]
fn only_the_owners_of_the_thread_depend_on_it() -> Result<()> {
    let paths = Paths::find()?;
    if !paths.patches().is_dir() {
        return Ok(());
    }
    for file in files::list(&paths.patches())? {
        let crate_name = file
            .iter()
            .next()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let text = fs::read_to_string(paths.patches().join(&file))?;
        for name in added_dependencies(&text) {
            assert!(
                SHARED.contains(&name.as_str())
                    || (name == "background_sync" && OWNERS.contains(&crate_name)),
                "{crate_name} may not depend on {name} (servo/patches/{})",
                file.display()
            );
        }
    }
    Ok(())
}

#[test]
fn added_dependencies_are_found_in_both_spellings() {
    let patch = "diff --git a/Cargo.toml b/Cargo.toml\n--- a/Cargo.toml\n+++ b/Cargo.toml\n\
                 @@ -1 +1,5 @@\n+[dependencies.background_sync_traits]\n+path = \"x\"\n\
                 +background_sync = { path = \"y\" }\n\
                 diff --git a/lib.rs b/lib.rs\n--- a/lib.rs\n+++ b/lib.rs\n@@ -1 +1,2 @@\n\
                 +background_sync = 1;\n";
    let expected = ["background_sync", "background_sync_traits"].map(str::to_owned);
    assert_eq!(added_dependencies(patch), BTreeSet::from(expected));
}

fn is_ours(name: &str) -> bool {
    name.starts_with("background_sync")
}

fn is_servos(name: &str) -> bool {
    name == "servo" || name.starts_with("servo-")
}

fn dependencies(manifest: &std::path::Path) -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(manifest)?;
    let document: DocumentMut = text.parse()?;
    let names = |table: Option<&Item>| -> Vec<String> {
        let table = table.and_then(Item::as_table_like);
        table
            .map(|table| table.iter().map(|(name, _)| name.to_owned()).collect())
            .unwrap_or_default()
    };
    let mut all = names(document.get("dependencies"));
    all.extend(names(document.get("build-dependencies")));
    Ok(all.into_iter().collect())
}

/// Those of our crates that a patch adds to a manifest.
fn added_dependencies(patch: &str) -> BTreeSet<String> {
    let mut in_manifest = false;
    let mut found = BTreeSet::new();
    for line in patch.lines() {
        if let Some(path) = line.strip_prefix("+++ ") {
            in_manifest = path == "b/Cargo.toml";
        } else if let Some(added) = line.strip_prefix('+').filter(|_| in_manifest) {
            let added = added
                .trim()
                .trim_start_matches("[dependencies.")
                .trim_start_matches('[');
            let name: String = added
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            if is_ours(&name) {
                found.insert(name);
            }
        }
    }
    found
}
