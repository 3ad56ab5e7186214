//! Texts of apps in markup: bounded, and never more than text.

use std::fmt::{self, Write as _};

use crate::operator::text::printable;

/// Characters of a name that are shown.
pub const MAX_NAME: usize = 60;

/// Characters of a name beside a lane.
pub const MAX_SHORT_NAME: usize = 13;

/// Characters of an address that are shown.
pub const MAX_ADDRESS: usize = 100;

/// Characters of a sentence that are shown. One may tell what an app or the system has said.
pub const MAX_SENTENCE: usize = 300;

/// A text that may be anything, as it may stand in an element or in a quoted attribute.
#[derive(Clone, Copy, Debug)]
pub struct Foreign<'a> {
    text: &'a str,
    max_characters: usize,
}

/// An app's name for something. An empty one is told apart from none.
pub fn name(text: &str) -> Foreign<'_> {
    Foreign {
        text: if text.is_empty() { "(no name)" } else { text },
        max_characters: MAX_NAME,
    }
}

/// A name where there is little room.
pub fn short_name(text: &str) -> Foreign<'_> {
    Foreign {
        max_characters: MAX_SHORT_NAME,
        ..name(text)
    }
}

/// An origin or a scope.
pub fn address(text: &str) -> Foreign<'_> {
    Foreign {
        text,
        max_characters: MAX_ADDRESS,
    }
}

/// What is told to people.
pub fn sentence(text: &str) -> Foreign<'_> {
    Foreign {
        text,
        max_characters: MAX_SENTENCE,
    }
}

impl fmt::Display for Foreign<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.text.char_indices().nth(self.max_characters);
        let shown = end.map_or(self.text, |(end, _)| &self.text[..end]);
        for character in printable(shown).chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        if end.is_some() {
            f.write_char('…')?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_no_markup() {
        assert_eq!(
            name("<img src=x onerror='a()'>&\"").to_string(),
            "&lt;img src=x onerror=&#39;a()&#39;&gt;&amp;&quot;"
        );
        assert_eq!(name("a\u{202e}b\n").to_string(), r"a\u{202e}b\u{a}");
        assert_eq!(name("").to_string(), "(no name)");
    }

    #[test]
    fn a_text_is_bounded() {
        let long = "ü".repeat(MAX_NAME + 1);
        let shown = name(&long).to_string();
        assert_eq!(shown.chars().count(), MAX_NAME + 1);
        assert!(shown.ends_with('…'));
        let fits = "ü".repeat(MAX_NAME);
        assert_eq!(name(&fits).to_string(), fits);
    }
}
