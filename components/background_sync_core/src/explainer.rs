//! Registrations as the [explainer of 2014](https://github.com/WICG/background-sync/blob/f5bb216/explainer.md) has them:
//! `navigator.sync.register(id, options)`. Their ids share no namespace with tags.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest `data` of a registration that is accepted, in UTF-8 bytes, whatever the policy says.
pub const MAX_DATA_BYTES: usize = 262_144;

/// Longest `description` that is accepted, in UTF-8 bytes.
pub const MAX_DESCRIPTION_BYTES: usize = 10_240;

/// Longest `lang` that is accepted, in UTF-8 bytes.
pub const MAX_LANG_BYTES: usize = 256;

/// A text of at most `MAX` UTF-8 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BoundedText<const MAX: usize>(Arc<str>);

/// `data` of a registration: handed to its event as it is.
pub type SyncData = BoundedText<MAX_DATA_BYTES>;

/// A text was longer than its type allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("a text has {bytes} UTF-8 bytes; at most {limit} are allowed here")]
pub struct TextTooLong {
    /// Length of the refused text, in UTF-8 bytes.
    pub bytes: usize,
    /// The most that is allowed.
    pub limit: usize,
}

impl<const MAX: usize> BoundedText<MAX> {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MAX: usize> Default for BoundedText<MAX> {
    fn default() -> Self {
        Self("".into())
    }
}

impl<const MAX: usize> TryFrom<&str> for BoundedText<MAX> {
    type Error = TextTooLong;

    fn try_from(text: &str) -> Result<Self, TextTooLong> {
        match text.len() {
            bytes if bytes > MAX => Err(TextTooLong { bytes, limit: MAX }),
            _ => Ok(Self(text.into())),
        }
    }
}

impl<const MAX: usize> TryFrom<String> for BoundedText<MAX> {
    type Error = TextTooLong;

    fn try_from(text: String) -> Result<Self, TextTooLong> {
        Self::try_from(text.as_str())
    }
}

impl<const MAX: usize> From<BoundedText<MAX>> for String {
    fn from(text: BoundedText<MAX>) -> Self {
        text.0.as_ref().to_owned()
    }
}

impl<const MAX: usize> fmt::Display for BoundedText<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How often a registration fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Recurrence {
    /// Until it has succeeded once, or its attempts are used up.
    #[default]
    Once,
    /// Until it is unregistered.
    Repeating,
}

/// Base direction of a `description`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum TextDirection {
    /// To be found from the text.
    #[default]
    Auto,
    /// Left to right.
    Ltr,
    /// Right to left.
    Rtl,
}

/// The options of `navigator.sync.register(id, options)`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct ExplainerOptions {
    /// `repeating`.
    pub recurrence: Recurrence,
    /// `minInterval`: least time before the first event and between events, in milliseconds.
    /// `None`: at once if it does not repeat; as often as the origin may, if it does.
    pub min_interval_ms: Option<u64>,
    /// `data`.
    pub data: SyncData,
    /// `description`: what the event is for, to be shown to the user.
    pub description: BoundedText<MAX_DESCRIPTION_BYTES>,
    /// `lang` of the description, a language tag.
    pub lang: BoundedText<MAX_LANG_BYTES>,
    /// `dir` of the description.
    pub dir: TextDirection,
}

impl ExplainerOptions {
    /// Bytes of text that the page has given.
    #[must_use]
    pub fn text_bytes(&self) -> u64 {
        let bytes = [
            self.data.as_str(),
            self.description.as_str(),
            self.lang.as_str(),
        ];
        let lengths = bytes.iter().map(|text| text.len());
        u64::try_from(lengths.sum::<usize>()).unwrap_or(u64::MAX)
    }
}
