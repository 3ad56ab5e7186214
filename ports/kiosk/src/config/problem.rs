//! What is wrong in a configuration file: where, what, and what is allowed instead.

use std::ops::Range;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which bytes of the file.
    pub span: Range<usize>,
    /// What is wrong with them.
    pub what: String,
    /// What may be there, in words.
    pub allowed: Option<String>,
}

/// All that is wrong in a file, in the order of the file. There is at least one problem.
#[derive(Debug)]
pub struct Problems {
    text: String,
    problems: Vec<Problem>,
}

impl Problems {
    /// What is wrong in this text.
    pub(super) fn new(text: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| (problem.span.start, problem.span.end));
        Self {
            text: text.to_owned(),
            problems,
        }
    }

    /// The first problem as one sentence, and how many more there are.
    pub fn sentence(&self, file: &Path) -> String {
        let file = file.display();
        let Some(first) = self.problems.first() else {
            return format!("the configuration file {file} can't be used");
        };
        let (line, column) = self.position(first.span.start);
        let mut sentence = format!(
            "the configuration file {file}, line {line}, column {column}: {}",
            first.what
        );
        if let Some(allowed) = &first.allowed {
            sentence.push_str("; allowed: ");
            sentence.push_str(allowed);
        }
        if self.problems.len() > 1 {
            sentence.push_str(&format!(
                " (and {} more: see `kiosk check-config {file}`)",
                self.problems.len() - 1
            ));
        }
        sentence
    }

    /// Each problem as a picture of its line. With colors, if they are to be seen.
    pub fn pictures(&self, file: &Path, has_colors: bool) -> String {
        let renderer = match has_colors {
            true => Renderer::styled(),
            false => Renderer::plain(),
        };
        let path = file.display().to_string();
        let pictures = self.problems.iter().map(|problem| {
            let snippet = Snippet::source(&self.text)
                .path(&path)
                .annotation(AnnotationKind::Primary.span(problem.span.clone()));
            let picture = Level::ERROR.primary_title(&problem.what).element(snippet);
            let picture = match &problem.allowed {
                Some(allowed) => {
                    picture.element(Level::HELP.message(format!("allowed: {allowed}")))
                }
                None => picture,
            };
            renderer.render(&[picture])
        });
        pictures.collect::<Vec<_>>().join("\n\n")
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.problems.len()
    }

    /// Line and column of a byte, both from 1 on; the column in characters.
    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (
            before.matches('\n').count() + 1,
            before[line_start..].chars().count() + 1,
        )
    }
}
