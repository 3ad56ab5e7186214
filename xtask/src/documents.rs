//! Documents name what is there: a file that is renamed fails a test until the texts about it follow.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};
use fs_err as fs;

use crate::files;
use crate::paths::Paths;

/// Extensions by which a name in backticks is a file's, even if it is written without the folders above it.
const EXTENSIONS: [&str; 6] = ["rs", "md", "toml", "patch", "webidl", "svg"];

/// Folders that commands make, in the tree or in the cache.
const MADE_BY_COMMANDS: [&str; 2] = ["tests/fuzz/artifacts", "wpt/readme/"];

/// The source tree: every file's path from the root.
struct Tree {
    root: PathBuf,
    files: BTreeSet<PathBuf>,
}

impl Tree {
    fn read() -> Result<Self> {
        let root = Paths::find()?.root;
        let files = files::list(&root)?;
        Ok(Self { root, files })
    }

    fn documents(&self) -> Result<Vec<Document>> {
        let is_document = |file: &&PathBuf| file.extension().is_some_and(|it| it == "md");
        let documents = self.files.iter().filter(is_document);
        documents.map(|file| self.document(file)).collect()
    }

    fn document(&self, file: &Path) -> Result<Document> {
        let text = fs::read_to_string(self.root.join(file))?;
        let path = file.to_owned();
        Ok(Document { path, text })
    }

    /// Whether `code`, which a document has in backticks, looks like a path of this tree.
    fn is_path(&self, code: &str) -> bool {
        let plain = |it: char| it.is_ascii_alphanumeric() || "_-./".contains(it);
        if !code.contains('/') || !code.chars().all(plain) || code.starts_with(['/', '.', '-']) {
            return false;
        }
        let first = code.split('/').next().unwrap_or_default();
        let extension = Path::new(code).extension().and_then(|it| it.to_str());
        self.files.iter().any(|file| file.starts_with(first))
            || extension.is_some_and(|it| EXTENSIONS.contains(&it))
    }

    /// Files that have this path, or are in the folder that has it; folders above it may be missing.
    fn found(&self, path: &str) -> usize {
        let wanted: Vec<_> = Path::new(path).components().collect();
        let has_it = |file: &&PathBuf| {
            let parts: Vec<Component<'_>> = file.components().collect();
            parts.windows(wanted.len()).any(|it| it == wanted)
        };
        self.files.iter().filter(has_it).count()
    }
}

struct Document {
    path: PathBuf,
    text: String,
}

impl Document {
    /// Its lines without blocks of code, which are commands and pictures.
    fn prose(&self) -> impl Iterator<Item = &str> {
        let mut in_block = false;
        self.text.lines().filter(move |line| {
            let is_fence = line.trim_start().starts_with("```");
            in_block ^= is_fence;
            !is_fence && !in_block
        })
    }

    fn links(&self) -> impl Iterator<Item = &str> {
        self.prose()
            .flat_map(|line| line.split("](").skip(1))
            .filter_map(|rest| rest.split(')').next())
            .filter(|link| !link.contains("://"))
    }

    /// Whether a link to this name in the document leads to a heading.
    fn has_heading(&self, name: &str) -> bool {
        self.prose()
            .filter_map(|line| line.strip_prefix('#'))
            .any(|heading| heading_name(heading) == name)
    }
}

/// The name that a heading gets in links.
fn heading_name(heading: &str) -> String {
    let heading = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = heading
        .chars()
        .filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
    kept.map(|it| if it == ' ' { '-' } else { it }).collect()
}

/// What a line has in backticks.
fn code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

#[test]
fn files_that_documents_name_are_there() -> Result<()> {
    let tree = Tree::read()?;
    let mut gone = Vec::new();
    for document in tree.documents()? {
        for path in document.prose().flat_map(code) {
            let is_made = MADE_BY_COMMANDS.contains(&path);
            if tree.is_path(path) && tree.found(path) == 0 && !is_made {
                gone.push(format!("{} names {path}", document.path.display()));
            }
        }
    }
    assert!(gone.is_empty(), "not there:\n{}", gone.join("\n"));
    Ok(())
}

#[test]
fn links_between_documents_lead_somewhere() -> Result<()> {
    let tree = Tree::read()?;
    let mut broken = Vec::new();
    for document in tree.documents()? {
        let folder = document.path.parent().context("a file is in a folder")?;
        for link in document.links() {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => document.path.clone(),
                file => folder.join(file),
            };
            let leads = tree.root.join(&target).exists()
                && (heading.is_empty() || tree.document(&target)?.has_heading(heading));
            if !leads {
                broken.push(format!("{} links to {link}", document.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "broken:\n{}", broken.join("\n"));
    Ok(())
}

/// Each row of the tour in CONTRIBUTING.md: a question, a file that ARCHITECTURE.md leads to, and what to look for in it.
#[test]
fn the_reading_tour_finds_what_it_looks_for() -> Result<()> {
    let tree = Tree::read()?;
    let architecture = tree.document(Path::new("ARCHITECTURE.md"))?;
    let contributing = tree.document(Path::new("CONTRIBUTING.md"))?;
    let tour = contributing
        .prose()
        .skip_while(|line| *line != "## A reading tour")
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| line.starts_with("| ") && line.contains("?"));
    let mut stops = 0;
    for row in tour {
        let (files, names): (Vec<&str>, Vec<&str>) = code(row).partition(|it| tree.is_path(it));
        let texts = files
            .iter()
            .map(|file| Ok(tree.document(Path::new(file))?.text))
            .collect::<Result<Vec<_>>>()?;
        let answer = *files.first().context("a question has an answer")?;
        let is_on_the_map = architecture.text.contains(answer);
        assert!(is_on_the_map, "ARCHITECTURE.md does not lead to {answer}");
        // In the question, what a page calls.
        for name in names.iter().filter(|it| !row_question(row).contains(**it)) {
            let is_there = texts.iter().any(|text| text.contains(name));
            assert!(is_there, "{name} is in none of {files:?}");
        }
        stops += 1;
    }
    assert!(stops >= 10, "the tour has {stops} questions");
    Ok(())
}

fn row_question(row: &str) -> &str {
    row.split(" | ").next().unwrap_or_default()
}

#[test]
fn names_of_headings_are_those_of_links() {
    assert_eq!(heading_name("## What survives what"), "what-survives-what");
    assert_eq!(
        heading_name("### Without the group `offline`"),
        "without-the-group-offline"
    );
}
