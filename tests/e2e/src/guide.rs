//! The guides of `docs/`: their blocks of code are tested.

use std::fs;
use std::path::{Path, PathBuf};

/// A block of code in a guide.
#[derive(Clone, Debug)]
pub struct Block {
    /// The heading above it, without its signs.
    pub heading: String,
    /// The line that it begins at, from 1.
    pub line: usize,
    /// What stands behind the fence: `sh`, `toml`, `rust`.
    pub language: String,
    /// The file that the guide says it is: `<!-- file: PATH -->` is in the line before it.
    pub file: Option<String>,
    /// Its lines.
    pub text: String,
}

/// The source tree.
pub fn source_tree() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All blocks of a document.
///
/// # Panics
/// If it can't be read, or a block has no end.
pub fn blocks(document: &Path) -> Vec<Block> {
    let text = fs::read_to_string(document)
        .unwrap_or_else(|error| panic!("{} can't be read: {error}", document.display()));
    let (mut blocks, mut heading, mut file) = (Vec::new(), String::new(), None);
    let mut open: Option<Block> = None;
    for (line, number) in text.lines().zip(1..) {
        if let Some(mut block) = open.take() {
            match line {
                "```" => blocks.push(block),
                _ => {
                    block.text += line;
                    block.text.push('\n');
                    open = Some(block);
                }
            }
        } else if let Some(language) = line.strip_prefix("```") {
            open = Some(Block {
                heading: heading.clone(),
                line: number,
                language: language.to_owned(),
                file: file.take(),
                text: String::new(),
            });
        } else if let Some(named) = line.strip_prefix("<!-- file: ") {
            file = named.strip_suffix(" -->").map(str::to_owned);
        } else if line.starts_with('#') {
            heading = line.trim_start_matches('#').trim().to_owned();
        }
    }
    assert!(open.is_none(), "{} ends in a block", document.display());
    blocks
}
