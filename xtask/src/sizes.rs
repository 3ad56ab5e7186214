//! How long files and functions may be, also where clippy does not look: it compiles neither the overlay nor the kiosk
//! without Servo, and has no lint for files.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::path::Path;

use anyhow::{Context, Result};
use fs_err as fs;
use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, ImplItemFn, ItemFn, Signature, TraitItemFn};

use crate::files;
use crate::paths::Paths;

/// Lines of a file.
const MAX_FILE: usize = 400;
/// Lines of code in the body of a function, as in `clippy.toml`.
const MAX_FUNCTION: usize = 70;

/// Longer files, and why that is better than two of them.
const LONG_FILES: [(&str, &str); 0] = [];

/// Longer functions where clippy does not look, and why. Elsewhere `#[expect]` says it in place.
const LONG_FUNCTIONS: [(&str, &str, &str); 1] = [(
    "components/script/serviceworkers/manager/mod.rs",
    "handle_message",
    "one match, with an arm for each message that the manager gets",
)];

#[test]
fn files_are_short() -> Result<()> {
    let root = Paths::find()?.root;
    let mut long = BTreeSet::new();
    for file in rust_files(&root)? {
        let lines = fs::read_to_string(root.join(&file))?.lines().count();
        if lines > MAX_FILE {
            long.insert(file);
        }
    }
    let known = LONG_FILES.map(|(file, _)| file.to_owned());
    assert_known(&long, &BTreeSet::from(known), MAX_FILE);
    Ok(())
}

#[test]
fn functions_are_short() -> Result<()> {
    let root = Paths::find()?.root;
    let mut long = BTreeSet::new();
    for file in rust_files(&root)? {
        let text = fs::read_to_string(root.join(&file))?;
        let functions = long_functions(&text).with_context(|| format!("cannot parse {file}"))?;
        long.extend(functions.into_iter().map(|name| (file.clone(), name)));
    }
    let known = LONG_FUNCTIONS.map(|(file, name, _)| (file.to_owned(), name.to_owned()));
    assert_known(&long, &BTreeSet::from(known), MAX_FUNCTION);
    Ok(())
}

#[test]
fn lines_of_code_count_unless_their_length_is_expected() -> Result<()> {
    let long = "    call();\n\n    // why\n".repeat(MAX_FUNCTION + 1);
    let short = "    call();\n\n    // why\n".repeat(MAX_FUNCTION);
    let text = format!(
        "fn long() {{\n{long}}}\nfn short() {{\n{short}}}\nimpl It {{ fn method() {{\n{long}}} }}\n\
         #[expect(clippy::too_many_lines, reason = \"one list\")] fn expected() {{\n{long}}}"
    );
    assert_eq!(long_functions(&text)?, ["long", "method"]);
    Ok(())
}

fn assert_known<T: Debug + Ord>(long: &BTreeSet<T>, known: &BTreeSet<T>, limit: usize) {
    let unknown: Vec<_> = long.difference(known).collect();
    assert!(unknown.is_empty(), "more than {limit} lines: {unknown:#?}");
    let stale: Vec<_> = known.difference(long).collect();
    assert!(stale.is_empty(), "no exceptions any more: {stale:#?}");
}

fn rust_files(root: &Path) -> Result<Vec<String>> {
    let files = files::list(root)?;
    let files = files.iter().filter_map(|file| file.to_str());
    Ok(files
        .filter(|file| file.ends_with(".rs"))
        .map(str::to_owned)
        .collect())
}

fn long_functions(text: &str) -> Result<Vec<String>> {
    let mut functions = Functions {
        lines: text.lines().collect(),
        long: Vec::new(),
    };
    functions.visit_file(&syn::parse_file(text)?);
    Ok(functions.long)
}

struct Functions<'a> {
    lines: Vec<&'a str>,
    long: Vec<String>,
}

impl Functions<'_> {
    fn note(&mut self, attributes: &[Attribute], signature: &Signature, body: &Block) {
        let braces = body.brace_token.span;
        let lines = self.lines_of_code(braces.open(), braces.close());
        if lines > MAX_FUNCTION && !attributes.iter().any(is_expectation) {
            self.long.push(signature.ident.to_string());
        }
    }

    fn lines_of_code(&self, open: Span, close: Span) -> usize {
        let between = open.start().line..close.start().line.saturating_sub(1);
        let lines = self.lines.get(between).unwrap_or_default();
        let code = lines.iter().map(|line| line.trim_start());
        code.filter(|line| !line.is_empty() && !line.starts_with("//"))
            .count()
    }
}

impl Visit<'_> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &ItemFn) {
        self.note(&item.attrs, &item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &ImplItemFn) {
        self.note(&item.attrs, &item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &TraitItemFn) {
        if let Some(body) = &item.default {
            self.note(&item.attrs, &item.sig, body);
        }
        visit::visit_trait_item_fn(self, item);
    }
}

/// Clippy's own: it says when it is not needed any more.
fn is_expectation(attribute: &Attribute) -> bool {
    let is_too_many_lines = |list: &syn::MetaList| {
        let tokens = list.tokens.to_string().replace(' ', "");
        tokens.starts_with("clippy::too_many_lines,reason=")
    };
    attribute.path().is_ident("expect")
        && attribute.meta.require_list().is_ok_and(is_too_many_lines)
}
