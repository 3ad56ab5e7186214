//! The modules of a crate, and which of them use each other. A module is a file here. What it uses is read from its paths:
//! those that start with `crate`, `super`, `self` or the name of a child. A path that leads to a re-export counts for the
//! module that it comes from; to re-export something is not to use it. Code for tests alone is left out.
//!
//! Not `cargo modules`: it would have to be installed, knows modules but not files, takes a re-export for a use, and must be
//! able to load what a crate depends on, which the kiosk's is not before Servo is assembled.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use fs_err as fs;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, File, Item, ItemMod, Token, Type, UseTree, Visibility};

/// Re-exports of re-exports that are followed.
const MAX_REEXPORTS: usize = 16;

/// The names from the root of the crate to a module, or to something in it.
pub type Names = Vec<String>;

/// A module, without those in it.
#[derive(Default)]
pub struct Module {
    /// The module whose file this one is in.
    pub file: Names,
    /// What its `use` items bring into scope. `None`: of another crate.
    names: BTreeMap<String, Option<Names>>,
    /// Absolute paths that its code has.
    paths: BTreeSet<Names>,
    /// The types that it has methods for.
    pub methods_of: BTreeSet<Names>,
}

/// Every module of a crate.
#[derive(Default)]
pub struct Crate {
    /// By name.
    pub modules: BTreeMap<Names, Module>,
}

/// Each file of a crate, and those that it uses.
pub type Graph = BTreeMap<Names, BTreeSet<Names>>;

impl Crate {
    /// From its `lib.rs` or `main.rs`.
    pub fn read(root: &Path) -> Result<Self> {
        let mut crate_ = Self::default();
        let folder = root.parent().context("a file is in a folder")?;
        crate_.read_file(root, folder, Vec::new())?;
        Ok(crate_)
    }

    fn read_file(&mut self, file: &Path, children: &Path, name: Names) -> Result<()> {
        let text = fs::read_to_string(file)?;
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
    pub fn module_of(&self, path: &[String]) -> Option<Names> {
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

    /// What each file uses.
    pub fn graph(&self) -> Graph {
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
pub fn circles(graph: &Graph) -> BTreeSet<Vec<String>> {
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

/// As paths show it.
pub fn shown(name: &Names) -> String {
    match name.is_empty() {
        true => "crate".to_owned(),
        false => name.join("::"),
    }
}
