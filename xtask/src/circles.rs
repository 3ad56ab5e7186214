//! No modules of a crate of ours use each other in a circle.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result};
use fs_err as fs;

use crate::metadata;
use crate::module_graph::{Crate, circles, shown};
use crate::paths::Paths;

/// The roots of all of our crates, with their names. Servo is not needed to read the kiosk's.
fn roots(paths: &Paths) -> Result<Vec<(String, PathBuf)>> {
    let mut roots = Vec::new();
    for package in metadata::members(&paths.root)?.packages {
        for target in package.targets {
            if target.is_lib() || target.is_bin() {
                roots.push((package.name.to_string(), target.src_path.into()));
            }
        }
    }
    let kiosk = paths.root.join("ports/kiosk/src/main.rs");
    roots.push(("background_sync_kiosk".to_owned(), kiosk));
    Ok(roots)
}

#[test]
fn no_modules_use_each_other_in_a_circle() -> Result<()> {
    let paths = Paths::find()?;
    let mut found = Vec::new();
    for (name, root) in roots(&paths)? {
        let circles = circles(&Crate::read(&root)?.graph());
        found.extend(
            circles
                .iter()
                .map(|circle| format!("{name}: {}", circle.join(", "))),
        );
    }
    assert!(found.is_empty(), "in a circle:\n{}", found.join("\n"));
    Ok(())
}

/// The manager's rooms: a file that adds methods to another's type would have a way to its fields.
#[test]
fn methods_stand_with_their_type() -> Result<()> {
    let paths = Paths::find()?;
    let root = paths.root.join("components/background_sync/src/lib.rs");
    let crate_ = Crate::read(&root)?;
    let mut elsewhere = Vec::new();
    for (name, module) in &crate_.modules {
        for of in &module.methods_of {
            let type_is_in = crate_.module_of(of).context("it is of this crate")?;
            if crate_.modules[&type_is_in].file != module.file {
                elsewhere.push(format!("{} of {}", shown(name), shown(of)));
            }
        }
    }
    assert!(elsewhere.is_empty(), "elsewhere:\n{}", elsewhere.join("\n"));
    Ok(())
}

#[test]
fn circles_are_found_through_children_and_re_exports() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
    fs::create_dir(folder.path().join("a"))?;
    write(
        "lib.rs",
        "mod a; mod b; mod c; pub use a::Inner as Other; use b::B;",
    )?;
    // It uses `a::inner` by a re-export of the root, and of `c` only what is for tests.
    write(
        "b.rs",
        "use crate::Other; #[cfg(test)] mod tests { use crate::c::C; } pub struct B;",
    )?;
    write(
        "a.rs",
        "mod inner; pub use inner::Inner; mod here { use super::super::b::B; }",
    )?;
    write(
        "a/inner.rs",
        "pub struct Inner; impl Inner { fn new() { vec![crate::c::C] } }",
    )?;
    write("c.rs", "use crate::b::B; impl B {} pub struct C;")?;
    let crate_ = Crate::read(&folder.path().join("lib.rs"))?;
    let circle = ["a::inner", "b", "c"].map(str::to_owned).to_vec();
    assert_eq!(circles(&crate_.graph()), BTreeSet::from([circle]));
    let c = &crate_.modules[&vec!["c".to_owned()]];
    let of = c.methods_of.first().context("it has methods")?;
    assert_eq!(crate_.module_of(of), Some(vec!["b".to_owned()]));
    Ok(())
}
