//! What the group `offline` may leave behind when it is left out: nothing that the compiler would miss. The compiler itself
//! is asked by `cargo xtask servo check --each`, in half an hour; this looks at the imports, in no time.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use super::overlay;
use super::series::Series;
use super::topic_header::Group;
use crate::paths::Paths;

/// Ahead of what only that group needs, in files that all groups share.
const FEATURE: &str = r#"#[cfg(feature = "offline")]"#;

#[test]
fn what_all_groups_share_imports_what_only_offline_has_behind_its_feature() -> Result<()> {
    let paths = Paths::find()?;
    let overlay = overlay::collect(&paths, &Group::ALL.into())?;
    let mut modules = modules_of_patches(&Series::load(&paths)?);
    for ours in overlay.values() {
        modules.extend(modules_behind_feature(&fs::read_to_string(ours)?));
    }
    assert!(modules.contains("fetchevent") && modules.contains("service_workers"));
    for (place, ours) in &overlay {
        if place.extension().is_none_or(|extension| extension != "rs") || is_in(place, &modules) {
            continue;
        }
        let import = unguarded_import(&fs::read_to_string(ours)?, &modules);
        assert_eq!(
            import,
            None,
            "{} is compiled without the group offline too: {FEATURE} belongs above this import",
            ours.display()
        );
    }
    Ok(())
}

#[test]
fn imports_are_found_and_guarded() {
    let modules = BTreeSet::from(["fetchevent".to_owned()]);
    let import = "use crate::dom::{\n    fetchevent::FetchEvent, window,\n};";
    assert_eq!(
        unguarded_import(&format!("use a::b;\n{import}\nfn f() {{}}\n"), &modules).as_deref(),
        Some(import)
    );
    let guarded = format!("{FEATURE}\n{import}\nuse a::fetch_events;\n");
    assert_eq!(unguarded_import(&guarded, &modules), None);
    let declared = format!("{FEATURE}\npub(crate) mod one;\nmod two;\n");
    assert_eq!(modules_behind_feature(&declared), ["one"]);
}

/// The modules that patches of the group declare, by the names of their files.
fn modules_of_patches(series: &Series) -> BTreeSet<String> {
    let topics = series.topics.iter();
    topics
        .filter(|topic| topic.header.group == Group::Offline)
        .flat_map(|topic| &topic.patches)
        .flat_map(|patch| patch.diff.lines())
        .filter_map(|line| {
            let added = line.strip_prefix('+')?;
            let path = added.trim().strip_prefix("#[path = \"");
            let file = path.and_then(|path| Path::new(path.split('"').next()?).file_stem());
            match file {
                Some(file) => Some(file.to_str()?.to_owned()),
                None => declared_module(added),
            }
        })
        // What a path names again is called otherwise.
        .filter(|name| !["mod", "parts", "operations"].contains(&name.as_str()))
        .collect()
}

fn modules_behind_feature(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .windows(2)
        .filter(|pair| pair[0].trim() == FEATURE)
        .filter_map(|pair| declared_module(pair[1]))
        .collect()
}

/// The name in a line such as `pub(crate) mod name;`.
fn declared_module(line: &str) -> Option<String> {
    let (before, name) = line.trim().strip_suffix(';')?.split_once("mod ")?;
    (before.is_empty() || before.starts_with("pub")).then(|| name.to_owned())
}

/// Whether a file is one of these modules, or below one.
fn is_in(place: &Path, modules: &BTreeSet<String>) -> bool {
    let without_extension = place.with_extension("");
    let mut names = without_extension.iter().filter_map(|name| name.to_str());
    names.any(|name| modules.contains(name)) || place.starts_with("servo-storage/indexeddb/engine")
}

/// The first import that names one of these modules, unless it is behind the feature.
fn unguarded_import(text: &str, modules: &BTreeSet<String>) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    lines.iter().enumerate().find_map(|(index, line)| {
        let is_import = line.starts_with("use ") || line.starts_with("pub");
        let is_guarded = index > 0 && lines[index - 1] == FEATURE;
        if !is_import || !line.contains("use ") || is_guarded {
            return None;
        }
        let length = lines[index..].iter().position(|line| line.ends_with(';'))?;
        let import = lines[index..=index + length].join("\n");
        let mut words = import.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        words.any(|word| modules.contains(word)).then_some(import)
    })
}
