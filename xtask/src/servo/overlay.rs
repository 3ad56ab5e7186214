//! New files that are laid over Servo's crates without a patch: interfaces and DOM classes. Cargo can't add files to a
//! package, and as patches they could not be read, searched or formatted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use fs_err as fs;

use super::patched_tree::PatchedTree;
use super::series_repository::SeriesRepository;
use super::topic_header::Group;
use crate::files;
use crate::paths::Paths;

/// A folder of ours, the kind of file taken from it, and where these go in the patched tree.
const LAYERS: &[(&str, &str, &str)] = &[
    ("interfaces", "webidl", "servo-script-bindings/webidls"),
    (
        "components/script/backgroundsync",
        "rs",
        "servo-script/dom/backgroundsync",
    ),
    (
        "components/script/serviceworkers",
        "rs",
        "servo-script/dom/serviceworkers",
    ),
    ("components/script/memory", "rs", "servo-script/dom/memory"),
    ("components/constellation", "rs", "servo-constellation"),
    ("components/servo", "rs", "servo"),
    (
        "components/shared/constellation",
        "rs",
        "servo-constellation-traits",
    ),
    ("components/shared/embedder", "rs", "servo-embedder-traits"),
    ("components/storage", "rs", "servo-storage"),
    ("components/shared/storage", "rs", "servo-storage-traits"),
    (
        "components/script/indexeddb",
        "rs",
        "servo-script/dom/indexeddb",
    ),
    ("components/net", "rs", "servo-net"),
    ("components/net_traits", "rs", "servo-net-traits"),
];

/// Files of Servo's that the overlay stands in for, and the names that git gives to their content: what another release
/// has in them must be looked at. One line of a patch each puts ours in their place.
const REPLACED: [(&str, &str); 9] = [
    (
        "servo-script/dom/indexeddb/idbcursor.rs",
        "5ce179e14a715a9817604195c031c8d1a236f949",
    ),
    (
        "servo-script/dom/indexeddb/idbindex.rs",
        "2f0a50f043e9812a0b58d5e73b81077a38bb2eda",
    ),
    (
        "servo-script/dom/serviceworker/serviceworker_manager.rs",
        "5437c76eb91e01a37c1428da8ac3c0917358f5f1",
    ),
    (
        "servo-script/dom/serviceworker/cache.rs",
        "c26ef834b86fadad5f5c38b8d9a5d104f0365af6",
    ),
    (
        "servo-script/dom/serviceworker/cachestorage.rs",
        "b7188aa0f26d6c3919c8666fa78bef7899d59643",
    ),
    (
        "servo-script/dom/serviceworker/navigationpreloadmanager.rs",
        "adb591bf84ab86a4b00b3e376035b9cc0a2d1d65",
    ),
    (
        "servo-storage/cache_storage.rs",
        "2dfe50b9d5c0c41e5dcdee542265320d62b42eb5",
    ),
    (
        "servo-storage/indexeddb/engines/sqlite.rs",
        "f7afc546ab4d3e807bc782ad3c3e7a4521b1c622",
    ),
    (
        "servo-storage-traits/cache_storage.rs",
        "2bb6613bc3f5414bfa7eb6635ad2938b2cd4b0fe",
    ),
];

/// Path in the patched tree, and the file that goes there.
pub type Overlay = BTreeMap<PathBuf, PathBuf>;

/// Every file of the overlay that these groups have.
///
/// What is in a folder of a group's name is of that group, and goes to where the others go. This is for interfaces: Servo's
/// code generator takes every one that it finds. A Rust file does no harm without its group, because nothing declares it
/// then: its `mod` is in a patch, or goes with the feature of the group.
pub fn collect(paths: &Paths, groups: &BTreeSet<Group>) -> Result<Overlay> {
    let mut overlay = Overlay::new();
    for &(from, extension, to) in LAYERS {
        let from = paths.root.join(from);
        if !from.is_dir() {
            continue;
        }
        for file in files::list(&from)? {
            let (group, place) = group_and_place(&file);
            if file.extension().is_some_and(|found| found == extension)
                && group.is_none_or(|group| groups.contains(&group))
            {
                overlay.insert(Path::new(to).join(place), from.join(&file));
            }
        }
    }
    Ok(overlay)
}

fn group_and_place(file: &Path) -> (Option<Group>, &Path) {
    let in_folder = Group::ALL.into_iter().find_map(|group| {
        let place = file.strip_prefix(group.to_string()).ok()?;
        Some((Some(group), place))
    });
    in_folder.unwrap_or((None, file))
}

/// Refuses an overlay file at a path that the patched tree has itself.
pub fn check_shadows(overlay: &Overlay, tracked: &[PathBuf]) -> Result<()> {
    let shadowed = tracked.iter().find_map(|path| overlay.get_key_value(path));
    if let Some((path, ours)) = shadowed {
        bail!(
            "{} would shadow Servo's own {}: change that file with a patch, or give ours another \
             name",
            ours.display(),
            path.display()
        );
    }
    Ok(())
}

/// Refuses sources in which a file that the overlay stands in for is another one.
pub fn check_replaced(repository: &SeriesRepository, base: &str) -> Result<()> {
    for (path, known) in REPLACED {
        let found = repository.blob(base, path)?;
        if found != known {
            bail!(
                "{path} is not the file that the overlay stands in for: see what has changed in it, bring ours up to \
                 date, and put {found} into REPLACED in xtask/src/servo/overlay.rs"
            );
        }
    }
    Ok(())
}

/// Tells git to ignore the overlay: this one, and what an earlier one left.
///
/// To be called before anything asks git for uncommitted edits, and before [`sync`].
pub fn announce(overlay: &Overlay, tree: &PatchedTree) -> Result<()> {
    note(tree, earlier(tree).iter().chain(overlay.keys()).collect())
}

/// Writes what differs, and removes what an earlier overlay had put there, unless Servo or a patch
/// has a file of that name (`tracked`) by now.
pub fn sync(overlay: &Overlay, tree: &PatchedTree, tracked: &[PathBuf]) -> Result<()> {
    for path in earlier(tree) {
        if !overlay.contains_key(&path) && !tracked.contains(&path) {
            files::remove(&tree.git.folder().join(&path), tree.git.folder())?;
        }
    }
    for (path, ours) in overlay {
        files::copy_if_different(ours, &tree.git.folder().join(path))?;
    }
    note(tree, overlay.keys().collect())
}

fn earlier(tree: &PatchedTree) -> BTreeSet<PathBuf> {
    match fs::read_to_string(tree.overlay_list()) {
        Ok(list) => list.lines().map(PathBuf::from).collect(),
        Err(_) => BTreeSet::new(),
    }
}

fn note(tree: &PatchedTree, paths: BTreeSet<&PathBuf>) -> Result<()> {
    let list = |start: &str| -> String {
        paths
            .iter()
            .map(|path| format!("{start}{}\n", path.display()))
            .collect()
    };
    let why = "# Laid over these crates by `cargo xtask servo apply`; not part of any patch.\n";
    let excluded = why.to_owned() + &list("/");
    files::write_if_different(&tree.exclude_file(), excluded.as_bytes())?;
    files::write_if_different(&tree.overlay_list(), list("").as_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overlay_is_copied_listed_and_cleaned_up() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().to_path_buf();
        let paths = Paths {
            cache: root.join("cache"),
            root: root.clone(),
        };
        let tree = PatchedTree::at(paths.crates());
        let source = root.join("components/script/backgroundsync");
        files::write_if_different(&source.join("mod.rs"), b"mod")?;
        files::write_if_different(&source.join("old.rs"), b"old")?;
        files::write_if_different(&source.join("README.md"), b"not a source")?;
        files::write_if_different(&root.join("interfaces/SyncManager.webidl"), b"interface")?;
        let collect = || collect(&paths, &BTreeSet::from(Group::ALL));

        announce(&collect()?, &tree)?;
        sync(&collect()?, &tree, &[])?;
        let target = paths.crates().join("servo-script/dom/backgroundsync");
        assert_eq!(fs::read(target.join("old.rs"))?, b"old");
        assert!(!target.join("README.md").exists());
        assert!(
            paths
                .crates()
                .join("servo-script-bindings/webidls/SyncManager.webidl")
                .exists()
        );
        let excluded = fs::read_to_string(tree.exclude_file())?;
        assert!(
            excluded.contains("\n/servo-script/dom/backgroundsync/mod.rs\n"),
            "{excluded}"
        );

        // A file that the overlay did not put there stays.
        files::write_if_different(&target.join("theirs.rs"), b"theirs")?;
        fs::remove_file(source.join("old.rs"))?;
        sync(&collect()?, &tree, &[])?;
        assert!(!target.join("old.rs").exists());
        assert!(target.join("theirs.rs").exists());
        Ok(())
    }

    #[test]
    fn interfaces_of_a_group_come_with_it() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let root = folder.path().to_path_buf();
        let paths = Paths {
            cache: root.join("cache"),
            root: root.clone(),
        };
        files::write_if_different(&root.join("interfaces/SyncManager.webidl"), b"sync")?;
        files::write_if_different(&root.join("interfaces/offline/FetchEvent.webidl"), b"fetch")?;
        let names = |groups: &[Group]| -> Result<Vec<PathBuf>> {
            let overlay = collect(&paths, &groups.iter().copied().collect())?;
            Ok(overlay.into_keys().collect())
        };
        let interface = |name: &str| Path::new("servo-script-bindings/webidls").join(name);
        assert_eq!(names(&[Group::Sync])?, [interface("SyncManager.webidl")]);
        assert_eq!(
            names(&Group::ALL)?,
            [
                interface("FetchEvent.webidl"),
                interface("SyncManager.webidl")
            ]
        );
        Ok(())
    }

    #[test]
    fn an_overlay_file_may_not_shadow_one_of_servo() {
        let path = PathBuf::from("servo-script-bindings/webidls/Event.webidl");
        let overlay = Overlay::from([(path.clone(), PathBuf::from("interfaces/Event.webidl"))]);
        assert!(check_shadows(&overlay, &[PathBuf::from("servo-script/lib.rs")]).is_ok());
        let error = check_shadows(&overlay, &[path])
            .expect_err("shadow")
            .to_string();
        assert!(
            error.contains("interfaces/Event.webidl would shadow"),
            "{error}"
        );
    }
}
