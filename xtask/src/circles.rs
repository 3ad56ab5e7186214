//! No modules of a crate of ours use each other in a circle. A module is a file here. What it uses is read from its
//! paths: those that start with `crate`, `super`, `self` or the name of a child. A path that leads to a re-export
//! counts for the module that it comes from; to re-export something is not to use it. Code for tests alone is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, File, Item, ItemMod, Token, Type, UseTree, Visibility};

use crate::command;
use crate::paths::Paths;

/// Re-exports of re-exports that are followed.
const MAX_REEXPORTS: usize = 16;

/// The names from the root of the crate to a module, or to something in it.
type Names = Vec<String>;

#[derive(Default)]
struct Module {
    /// The module whose file this one is in.
    file: Names,
    /// What its `use` items bring into scope. `None`: of another crate.
    names: BTreeMap<String, Option<Names>>,
    /// Absolute paths that its code has.
    paths: BTreeSet<Names>,
    /// The types that it has methods for.
    methods_of: BTreeSet<Names>,
}

#[derive(Default)]
struct Crate {
    modules: BTreeMap<Names, Module>,
}

/// Each file of a crate, and those that it uses.
type Graph = BTreeMap<Names, BTreeSet<Names>>;

impl Crate {
    fn read(root: &Path) -> Result<Self> {
        let mut crate_ = Self::default();
        let folder = root.parent().context("a file is in a folder")?;
        crate_.read_file(root, folder, Vec::new())?;
        Ok(crate_)
    }

    fn read_file(&mut self, file: &Path, children: &Path, name: Names) -> Result<()> {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let parsed: File =
            syn::parse_str(&text).with_context(|| format!("cannot parse {}", file.display()))?;
        self.add(&parsed.items, children, &name, &name)
    }

    /// `file` is the module that is the whole of the file.
    fn add(&mut self, items: &[Item], folder: &Path, name: &Names, file: &Names) -> Result<()> {
        let children: Vec<&ItemMod> = items
            .iter()
            .filter_map(|item| match item {
                Item::Mod(child) if !is_for_tests(&child.attrs) => Some(child),
                _ => None,
            })
            .collect();
        let mut reader = Reader {
            name,
            children: children
                .iter()
                .map(|child| child.ident.to_string())
                .collect(),
            module: Module {
                file: file.clone(),
                ..Module::default()
            },
        };
        for item in items {
            reader.visit_item(item);
        }
        self.modules.insert(name.clone(), reader.module);
        for child in children {
            let ident = child.ident.to_string();
            let child_name = [&name[..], std::slice::from_ref(&ident)].concat();
            if let Some((_, items)) = &child.content {
                self.add(items, &folder.join(&ident), &child_name, file)?;
                continue;
            }
            let flat = folder.join(format!("{ident}.rs"));
            let file = match flat.exists() {
                true => flat,
                false => folder.join(&ident).join("mod.rs"),
            };
            self.read_file(&file, &folder.join(&ident), child_name)?;
        }
        Ok(())
    }

    /// The module that has what a path names. `None`: it is of another crate.
    fn module_of(&self, path: &[String]) -> Option<Names> {
        let mut path = path.to_vec();
        for _ in 0..MAX_REEXPORTS {
            let mut module = Vec::new();
            let mut rest = path.as_slice();
            while let [first, others @ ..] = rest
                && let child = [&module[..], std::slice::from_ref(first)].concat()
                && self.modules.contains_key(&child)
            {
                (module, rest) = (child, others);
            }
            let Some((first, others)) = rest.split_first() else {
                return Some(module);
            };
            match self.modules[&module].names.get(first) {
                Some(None) => return None,
                Some(Some(target)) if target[..] != path[..=module.len()] => {
                    path = [&target[..], others].concat();
                }
                _ => return Some(module),
            }
        }
        None
    }

    fn graph(&self) -> Graph {
        let mut graph = Graph::new();
        for module in self.modules.values() {
            let used = module.paths.iter().filter_map(|path| self.module_of(path));
            let used = used.map(|name| self.modules[&name].file.clone());
            let of_file = graph.entry(module.file.clone()).or_default();
            of_file.extend(used.filter(|file| *file != module.file));
        }
        graph
    }
}

/// Reads one module, without those in it.
struct Reader<'n> {
    name: &'n Names,
    children: BTreeSet<String>,
    module: Module,
}

impl Reader<'_> {
    /// `None`: it leads out of the crate, or to a name in scope.
    fn absolute(&self, path: &[String]) -> Option<Names> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([self.name, rest].concat()),
            "super" => {
                let up = path.iter().take_while(|name| *name == "super").count();
                let parent = self.name.get(..self.name.len().checked_sub(up)?)?;
                Some([parent, &path[up..]].concat())
            }
            _ if self.children.contains(first) => Some([self.name, path].concat()),
            _ => None,
        }
    }

    fn add_use(&mut self, tree: &UseTree, mut path: Names) {
        match tree {
            UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.add_use(&part.tree, path);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_use(tree, path.clone());
                }
            }
            UseTree::Glob(_) => self.add_path(&path),
            UseTree::Name(name) => self.add_name(&name.ident, &name.ident, path),
            UseTree::Rename(name) => self.add_name(&name.ident, &name.rename, path),
        }
    }

    fn add_name(&mut self, ident: &syn::Ident, known_as: &syn::Ident, mut path: Names) {
        let (ident, mut known_as) = (ident.to_string(), known_as.to_string());
        if ident != "self" {
            path.push(ident);
        } else if known_as == "self" {
            known_as = path.last().cloned().unwrap_or_default();
        }
        self.module.names.insert(known_as, self.absolute(&path));
        self.add_path(&path);
    }

    fn add_path(&mut self, path: &[String]) {
        self.module.paths.extend(self.absolute(path));
    }

    /// A single name is a variable's, or that of something in scope.
    fn add_code_path(&mut self, path: &[String]) {
        if path.len() > 1 {
            self.add_path(path);
        }
    }
}

impl<'a> Visit<'a> for Reader<'_> {
    fn visit_item(&mut self, item: &'a Item) {
        match item {
            Item::Mod(_) => {}
            Item::Use(item) if !is_for_tests(&item.attrs) => {
                let uses = self.module.paths.clone();
                self.add_use(&item.tree, Vec::new());
                if !matches!(item.vis, Visibility::Inherited) {
                    self.module.paths = uses;
                }
            }
            Item::Impl(item) if item.trait_.is_none() => {
                if let Type::Path(of) = &*item.self_ty {
                    let of = names_of(&of.path);
                    let imported = of.first().and_then(|first| self.module.names.get(first));
                    self.module.methods_of.extend(imported.cloned().flatten());
                }
                visit::visit_item_impl(self, item);
            }
            item => visit::visit_item(self, item),
        }
    }

    /// `pub(super)` uses nothing.
    fn visit_visibility(&mut self, _: &'a Visibility) {}

    fn visit_path(&mut self, path: &'a syn::Path) {
        self.add_code_path(&names_of(path));
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &'a syn::Macro) {
        self.add_path(&names_of(&called.path));
        // Others have a grammar of their own.
        let arguments = called.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
        for argument in arguments.into_iter().flatten() {
            let mut paths = PathsIn(Vec::new());
            paths.visit_expr(&argument);
            paths.0.iter().for_each(|path| self.add_code_path(path));
        }
    }
}

/// The paths in an expression.
struct PathsIn(Vec<Names>);

impl<'a> Visit<'a> for PathsIn {
    fn visit_path(&mut self, path: &'a syn::Path) {
        self.0.push(names_of(path));
        visit::visit_path(self, path);
    }
}

fn names_of(path: &syn::Path) -> Names {
    path.segments
        .iter()
        .map(|segment| segment.ident.to_string())
        .collect()
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let is_test = |condition: syn::Result<syn::Ident>| condition.is_ok_and(|it| it == "test");
        attribute.path().is_ident("cfg") && is_test(attribute.parse_args())
    })
}

/// All that can be reached from a file.
fn reachable(graph: &Graph, from: &Names) -> BTreeSet<Names> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&Names> = graph.get(from).into_iter().flatten().collect();
    while let Some(name) = next.pop() {
        if found.insert(name.clone()) {
            next.extend(graph.get(name).into_iter().flatten());
        }
    }
    found
}

/// The largest sets of files that all use each other, directly or not.
fn circles(graph: &Graph) -> BTreeSet<Vec<String>> {
    let reached: BTreeMap<&Names, BTreeSet<Names>> = graph
        .keys()
        .map(|name| (name, reachable(graph, name)))
        .collect();
    let mut circles = BTreeSet::new();
    for (name, from_here) in &reached {
        let circle = from_here
            .iter()
            .filter(|other| reached[other].contains(*name));
        let circle: Vec<_> = circle.map(shown).collect();
        if !circle.is_empty() {
            circles.insert(circle);
        }
    }
    circles
}

fn shown(name: &Names) -> String {
    match name.is_empty() {
        true => "crate".to_owned(),
        false => name.join("::"),
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    src_path: PathBuf,
}

/// The roots of all of our crates, with their names. Servo is not needed to read the kiosk's.
fn roots(paths: &Paths) -> Result<Vec<(String, PathBuf)>> {
    let mut cargo = command::cargo();
    cargo
        .current_dir(&paths.root)
        .args(["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: Metadata = serde_json::from_str(&command::text(&mut cargo)?)?;
    let mut roots = Vec::new();
    for package in metadata.packages {
        for target in package.targets {
            if target
                .kind
                .iter()
                .any(|kind| kind == "lib" || kind == "bin")
            {
                roots.push((package.name.clone(), target.src_path));
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
