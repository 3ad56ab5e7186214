//! The name of a sync registration.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserializer, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use self::bytes::Bytes;
use crate::wtf8::{self, Piece};

mod bytes;

/// Longest tag that is accepted, in UTF-8 bytes (Chromium's limit; the specification has none).
pub const MAX_TAG_BYTES: usize = 10_240;

/// The [tag](https://wicg.github.io/background-sync/spec/#tag) of a sync registration. The empty
/// tag is a tag like any other.
///
/// It is a [`DOMString`](https://webidl.spec.whatwg.org/#idl-DOMString), so it may have surrogates
/// that are not part of a pair, which no `str` can hold. Kept as
/// [WTF-8](https://wtf-8.codeberg.page/); of a tag without such surrogates, that is UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Bytes);

impl Tag {
    /// The tag of a script's string, in UTF-16.
    ///
    /// # Errors
    /// It is longer than [`MAX_TAG_BYTES`].
    pub fn from_utf16(code_units: &[u16]) -> Result<Self, TagTooLong> {
        Self::from_valid(&wtf8::encode(code_units.iter().copied()))
    }

    /// The tag's text, unless it has lone surrogates.
    pub fn to_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_wtf8()).ok()
    }

    /// The tag's text, with U+FFFD in place of each lone surrogate.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        match self.to_str() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(self.pieces().map(text_or_replacement).collect()),
        }
    }

    /// The tag as scripts have it, in UTF-16.
    pub fn to_utf16(&self) -> Vec<u16> {
        let mut code_units = Vec::new();
        for piece in self.pieces() {
            match piece {
                Piece::Text(text) => code_units.extend(text.encode_utf16()),
                Piece::LoneSurrogate(surrogate) => code_units.push(surrogate),
            }
        }
        code_units
    }

    /// The tag in WTF-8.
    pub fn as_wtf8(&self) -> &[u8] {
        self.0.as_slice()
    }

    fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        wtf8::pieces(self.as_wtf8()).flatten()
    }

    fn from_valid(wtf8: &[u8]) -> Result<Self, TagTooLong> {
        match wtf8.len() {
            bytes if bytes > MAX_TAG_BYTES => Err(TagTooLong { bytes }),
            _ => Ok(Self(Bytes::from(wtf8))),
        }
    }
}

fn text_or_replacement(piece: Piece<'_>) -> &str {
    match piece {
        Piece::Text(text) => text,
        Piece::LoneSurrogate(_) => "\u{FFFD}",
    }
}

/// A tag was longer than [`MAX_TAG_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the tag has {bytes} UTF-8 bytes; at most {MAX_TAG_BYTES} are allowed")]
pub struct TagTooLong {
    /// Length of the refused tag, in UTF-8 bytes.
    pub bytes: usize,
}

/// Some bytes are no tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTag {
    /// There are too many.
    #[error(transparent)]
    TooLong(#[from] TagTooLong),
    /// They do not encode a string.
    #[error("the tag is not WTF-8")]
    NotWtf8,
}

impl TryFrom<String> for Tag {
    type Error = TagTooLong;

    fn try_from(text: String) -> Result<Self, TagTooLong> {
        Self::try_from(text.as_str())
    }
}

impl TryFrom<&str> for Tag {
    type Error = TagTooLong;

    fn try_from(text: &str) -> Result<Self, TagTooLong> {
        Self::from_valid(text.as_bytes())
    }
}

/// From WTF-8.
impl TryFrom<&[u8]> for Tag {
    type Error = InvalidTag;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidTag> {
        // The length first: it is the cheaper question.
        let tag = Self::from_valid(bytes)?;
        match wtf8::pieces(bytes).all(|piece| piece.is_ok()) {
            true => Ok(tag),
            false => Err(InvalidTag::NotWtf8),
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string_lossy())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({:?})", self.to_string_lossy())
    }
}

/// As text in formats for people, if it can be; else as bytes, which in bincode are the same.
impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.to_str() {
            Some(text) if serializer.is_human_readable() => serializer.serialize_str(text),
            _ => serializer.serialize_bytes(self.as_wtf8()),
        }
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.is_human_readable() {
            true => deserializer.deserialize_any(TagVisitor),
            false => deserializer.deserialize_bytes(TagVisitor),
        }
    }
}

struct TagVisitor;

impl<'de> Visitor<'de> for TagVisitor {
    type Value = Tag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tag, as text or in WTF-8")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Tag, E> {
        Tag::try_from(text).map_err(E::custom)
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Tag, E> {
        Tag::try_from(bytes).map_err(E::custom)
    }

    /// As JSON has bytes.
    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Tag, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = sequence.next_element()? {
            // One more than allowed shows that there are too many.
            if bytes.len() <= MAX_TAG_BYTES {
                bytes.push(byte);
            }
        }
        Tag::try_from(bytes.as_slice()).map_err(A::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use serde_test::{Configure, Token, assert_de_tokens, assert_tokens};

    use super::*;

    const LONE: &[u16] = &[0x61, 0xD800, 0x62];

    #[test]
    fn text_stays_text() {
        let tag = Tag::try_from("für 📮").unwrap();
        assert_eq!(tag.to_str(), Some("für 📮"));
        assert_eq!(tag.to_string(), "für 📮");
        assert_eq!(
            Tag::from_utf16(&"für 📮".encode_utf16().collect::<Vec<_>>()),
            Ok(tag)
        );
    }

    #[test]
    fn lone_surrogates_are_kept_and_shown_as_replacements() {
        let tag = Tag::from_utf16(LONE).unwrap();
        assert_eq!(tag.to_utf16(), LONE);
        assert_eq!(tag.to_str(), None);
        assert_eq!(tag.to_string(), "a\u{FFFD}b");
        assert_ne!(tag, Tag::try_from("a\u{FFFD}b").unwrap());
        assert_ne!(tag, Tag::from_utf16(&[0x61, 0xDC00, 0x62]).unwrap());
        assert_eq!(Tag::try_from(tag.as_wtf8()), Ok(tag));
    }

    #[test]
    fn the_limit_counts_bytes() {
        let limit = MAX_TAG_BYTES / 3;
        assert!(Tag::from_utf16(&vec![0xD800; limit]).is_ok());
        let bytes = 3 * (limit + 1);
        assert_eq!(
            Tag::from_utf16(&vec![0xD800; limit + 1]),
            Err(TagTooLong { bytes })
        );
        assert!(Tag::try_from("x".repeat(MAX_TAG_BYTES)).is_ok());
        let error = Tag::try_from(vec![b'x'; MAX_TAG_BYTES + 1].as_slice()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the tag has 10241 UTF-8 bytes; at most 10240 are allowed"
        );
    }

    #[test]
    fn bytes_that_are_no_string_are_refused() {
        assert_eq!(Tag::try_from(b"\xFF".as_slice()), Err(InvalidTag::NotWtf8));
    }

    #[test]
    fn people_read_text_and_programs_bytes() {
        let tag = Tag::try_from("outbox").unwrap();
        assert_tokens(&tag.clone().readable(), &[Token::Str("outbox")]);
        assert_tokens(&tag.compact(), &[Token::Bytes(b"outbox")]);
        let lone = Tag::from_utf16(LONE).unwrap();
        assert_tokens(&lone.clone().readable(), &[Token::Bytes(b"a\xED\xA0\x80b")]);
        let json = [
            Token::Seq { len: None },
            Token::U8(b'a'),
            Token::U8(0xED),
            Token::U8(0xA0),
            Token::U8(0x80),
            Token::U8(b'b'),
            Token::SeqEnd,
        ];
        assert_de_tokens(&lone.readable(), &json);
    }
}
