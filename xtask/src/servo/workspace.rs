//! The rest of the assembled workspace: our crates, its manifest and its lock file. Cargo has no command that copies a
//! workspace; the manifests are edited by `toml_edit`.

use std::path::Path;

use anyhow::{Context, Result};
use fs_err as fs;
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, value};

use super::published::Published;
use crate::files;
use crate::paths::Paths;

/// The browser.
const KIOSK: &str = "ports/kiosk";

/// The second embedder.
const EMBEDDER: &str = "tests/embedder";
/// Published crates that in builds for development end the browser over what is harmless: when ipc-channel's router ends, a
/// message that nobody took still has its channels, and their `drop()` asserts that somebody did.
const UPSTREAM_ASSERTS: &[&str] = &["ipc-channel"];
/// Where the crates are that Servo's patched crates depend on.
const LIBRARIES: &str = "components";

/// Copies our crates and writes the manifest. Files that do not change keep their time stamps.
pub fn assemble(paths: &Paths, published: &Published) -> Result<()> {
    assemble_in(paths, published, &paths.tree(), Path::new(""))
}

/// The same in another workspace, with everything but the manifest in a folder `below` it: cargo tells packages of
/// different workspaces apart by their place in them alone, where they share a target folder.
pub fn assemble_in(
    paths: &Paths,
    published: &Published,
    workspace: &Path,
    below: &Path,
) -> Result<()> {
    let members = members(paths)?;
    copy(paths, &members, &workspace.join(below))?;
    let manifest = manifest(&read_root(paths)?, &members, published, below)
        .context("the Cargo.toml of the source tree")?;
    files::write_if_different(&workspace.join("Cargo.toml"), manifest.as_bytes())?;
    if paths.lock_file().is_file() {
        files::copy_if_different(&paths.lock_file(), &workspace.join("Cargo.lock"))?;
    }
    Ok(())
}

/// Copies our libraries into a workspace of their own, for other embedders.
pub fn copy_libraries(paths: &Paths, to: &Path) -> Result<()> {
    let libraries = libraries(paths)?;
    copy(paths, &libraries, to)?;
    let workspace = workspace_table(&read_root(paths)?, &libraries)
        .context("the Cargo.toml of the source tree")?;
    let mut document = DocumentMut::new();
    document["workspace"] = Item::Table(workspace);
    files::write_if_different(&to.join("Cargo.toml"), document.to_string().as_bytes())?;
    Ok(())
}

/// The section that puts the patched crates, below this folder, in the place of the published ones.
pub fn patch_section(published: &Published, folder: &Path) -> String {
    let mut document = DocumentMut::new();
    document["patch"] = Item::Table(patch_table(published, folder));
    document.to_string()
}

/// Our crates that Servo's depend on, by their folders in the source tree and in the assembled workspace alike.
fn libraries(paths: &Paths) -> Result<Vec<String>> {
    let folder = paths.root.join(LIBRARIES);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let files = files::list(&folder)?;
    let manifests = files.iter().filter(|file| file.ends_with("Cargo.toml"));
    Ok(manifests
        .filter_map(|file| Some(format!("{LIBRARIES}/{}", file.parent()?.display())))
        .collect())
}

/// All that is built in the assembled workspace.
fn members(paths: &Paths) -> Result<Vec<String>> {
    let embedders = [KIOSK, EMBEDDER].into_iter();
    let embedders = embedders.filter(|folder| paths.root.join(folder).join("Cargo.toml").is_file());
    let libraries = libraries(paths)?.into_iter();
    Ok(libraries.chain(embedders.map(str::to_owned)).collect())
}

fn copy(paths: &Paths, members: &[String], to: &Path) -> Result<()> {
    for member in members {
        let to = to.join(member);
        fs::create_dir_all(&to)?;
        files::mirror(&paths.root.join(member), &to, |file, content| {
            // What only their tests need would make the lock file depend on it.
            let strip = member != KIOSK && file == Path::new("Cargo.toml");
            if strip {
                without_tests(content)
            } else {
                Ok(content)
            }
        })?;
    }
    Ok(())
}

fn read_root(paths: &Paths) -> Result<DocumentMut> {
    let root = paths.root.join("Cargo.toml");
    let text = fs::read_to_string(&root)?;
    text.parse()
        .with_context(|| format!("{} is no TOML", root.display()))
}

fn without_tests(manifest: Vec<u8>) -> Result<Vec<u8>> {
    let text = String::from_utf8(manifest).context("a manifest is no text")?;
    let mut document: DocumentMut = text.parse().context("a manifest is no TOML")?;
    for key in ["dev-dependencies", "bench", "example", "test"] {
        document.remove(key);
    }
    Ok(document.to_string().into_bytes())
}

/// A workspace of these members, with what they inherit.
fn workspace_table(root: &DocumentMut, members: &[String]) -> Result<Table> {
    let source = root
        .get("workspace")
        .and_then(Item::as_table)
        .context("no [workspace]")?;
    let mut workspace = Table::new();
    workspace["resolver"] = source
        .get("resolver")
        .cloned()
        .unwrap_or_else(|| value("3"));
    workspace["members"] = value(members.iter().collect::<Array>());
    workspace["exclude"] = value(Array::from_iter(["crates"]));
    for key in ["package", "lints", "dependencies"] {
        if let Some(item) = source.get(key) {
            workspace[key] = item.clone();
        }
    }
    Ok(workspace)
}

fn patch_table(published: &Published, folder: &Path) -> Table {
    let mut patches = Table::new();
    for known in &published.crates {
        let mut patch = InlineTable::new();
        patch.insert(
            "path",
            folder.join(&known.name).display().to_string().into(),
        );
        patches[&known.name] = value(patch);
    }
    let mut patch = Table::new();
    patch.set_implicit(true);
    patch["crates-io"] = Item::Table(patches);
    patch
}

fn manifest(
    root: &DocumentMut,
    members: &[String],
    published: &Published,
    below: &Path,
) -> Result<String> {
    let place = |path: &str| below.join(path).display().to_string();
    let mut workspace = workspace_table(root, members)?;
    workspace["members"] = value(members.iter().map(|path| place(path)).collect::<Array>());
    workspace["exclude"] = value(Array::from_iter([place("crates")]));
    let dependencies = workspace.get_mut("dependencies");
    for (_, dependency) in dependencies
        .and_then(Item::as_table_like_mut)
        .into_iter()
        .flat_map(|table| table.iter_mut())
    {
        let path = dependency
            .as_table_like_mut()
            .and_then(|table| table.get_mut("path"));
        if let Some(path) = path
            && let Some(text) = path.as_str()
        {
            *path = value(place(text));
        }
    }
    // The features that the dependencies get must not depend on whether a package was named.
    workspace["default-members"] = value(Array::from_iter([place(KIOSK)]));
    let mut document = DocumentMut::new();
    document["workspace"] = Item::Table(workspace);
    document["patch"] = Item::Table(patch_table(published, &below.join("crates")));
    let mut profiles = Table::new();
    profiles.set_implicit(true);
    let mut dev = Table::from_iter([("debug", value(0))]);
    dev["package"] = Item::Table(without_assertions(UPSTREAM_ASSERTS));
    profiles["dev"] = Item::Table(dev);
    let release = [
        ("debug", value(0)),
        ("opt-level", value(3)),
        ("lto", value("thin")),
    ];
    profiles["release"] = Item::Table(Table::from_iter(release));
    document["profile"] = Item::Table(profiles);
    Ok(
        "# Written by `cargo xtask servo apply`. Edit the source tree instead.\n".to_owned()
            + &document.to_string(),
    )
}

fn without_assertions(packages: &[&str]) -> Table {
    let no_assertions = || Item::Table(Table::from_iter([("debug-assertions", value(false))]));
    let mut table = Table::from_iter(packages.iter().map(|&name| (name, no_assertions())));
    table.set_implicit(true);
    table
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::published::PublishedCrate;
    use super::*;

    #[test]
    fn the_lock_file_has_every_dependency_that_a_manifest_names() -> Result<()> {
        let paths = Paths::find()?;
        let lock: DocumentMut = fs::read_to_string(paths.lock_file())?.parse()?;
        let locked = lock["package"]
            .as_array_of_tables()
            .context("no packages")?;
        for member in members(&paths)? {
            let path = paths.root.join(member).join("Cargo.toml");
            let manifest: DocumentMut = fs::read_to_string(path)?.parse()?;
            let name = manifest["package"]["name"].as_str().context("no name")?;
            let entry = locked
                .iter()
                .find(|package| package["name"].as_str() == Some(name));
            let entry = entry.with_context(|| format!("servo/Cargo.lock lacks {name}"))?;
            let mut known: Vec<&str> = Vec::new();
            for dependency in entry
                .get("dependencies")
                .and_then(Item::as_array)
                .into_iter()
                .flatten()
            {
                known.extend(dependency.as_str().and_then(|text| text.split(' ').next()));
            }
            let wanted = manifest.get("dependencies").and_then(Item::as_table_like);
            for (key, value) in wanted.into_iter().flat_map(|table| table.iter()) {
                let dependency = value.get("package").and_then(Item::as_str).unwrap_or(key);
                assert!(
                    known.contains(&dependency),
                    "servo/Cargo.lock lacks {dependency} for {name}: run `cargo xtask servo lock`"
                );
            }
        }
        Ok(())
    }

    #[test]
    fn the_manifest_has_our_crates_and_every_patched_one() -> Result<()> {
        let root = "[workspace]\nresolver = \"3\"\nmembers = [\"a\"]\n\n[workspace.package]\n\
                    version = \"0.1.0\"\n\n[workspace.dependencies]\nlog = \"0.4\"\n";
        let published = Published {
            version: "1.2.3".to_owned(),
            crates: vec![PublishedCrate {
                name: "servo".to_owned(),
                folder: PathBuf::new(),
            }],
        };
        let text = manifest(
            &root.parse()?,
            &["ports/kiosk".to_owned()],
            &published,
            Path::new(""),
        )?;
        let parsed: DocumentMut = text.parse()?;
        assert_eq!(
            parsed["patch"]["crates-io"]["servo"]["path"].as_str(),
            Some("crates/servo")
        );
        assert_eq!(
            parsed["workspace"]["package"]["version"].as_str(),
            Some("0.1.0")
        );
        assert_eq!(
            parsed["workspace"]["dependencies"]["log"].as_str(),
            Some("0.4")
        );
        assert_eq!(parsed["profile"]["dev"]["debug"].as_integer(), Some(0));
        assert_eq!(
            parsed["workspace"]["members"].to_string(),
            " [\"ports/kiosk\"]"
        );

        let root = root.replace("log = \"0.4\"", "log = { path = \"components/log\" }");
        let text = manifest(
            &root.parse()?,
            &["ports/kiosk".to_owned()],
            &published,
            Path::new("part"),
        )?;
        let parsed: DocumentMut = text.parse()?;
        assert_eq!(
            parsed["workspace"]["members"].to_string(),
            " [\"part/ports/kiosk\"]"
        );
        assert_eq!(
            parsed["workspace"]["dependencies"]["log"]["path"].as_str(),
            Some("part/components/log")
        );
        assert_eq!(
            parsed["patch"]["crates-io"]["servo"]["path"].as_str(),
            Some("part/crates/servo")
        );
        Ok(())
    }
}
