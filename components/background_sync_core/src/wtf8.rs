//! [WTF-8](https://wtf-8.codeberg.page/): UTF-8 that can also hold lone surrogates, those that are not part of a pair.
//! Scripts can put them into any string.

use std::str;

/// A stretch of WTF-8.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// As long as possible, never empty.
    Text(&'a str),
    /// Not part of a pair.
    LoneSurrogate(u16),
}

/// Some bytes are no WTF-8.
#[derive(Debug, PartialEq, Eq)]
pub struct NotWtf8;

/// The pieces of `bytes`. After an error there is nothing more.
pub fn pieces(bytes: &[u8]) -> impl Iterator<Item = Result<Piece<'_>, NotWtf8>> {
    let mut rest = bytes;
    let mut after_lead = false;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let valid = match str::from_utf8(rest) {
            Ok(text) => text,
            Err(error) => str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default(),
        };
        if !valid.is_empty() {
            rest = &rest[valid.len()..];
            after_lead = false;
            return Some(Ok(Piece::Text(valid)));
        }
        let surrogate = match *rest {
            [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, ..] => {
                0xD000 | u16::from(second & 0x3F) << 6 | u16::from(third & 0x3F)
            }
            _ => 0,
        };
        let is_trail = surrogate >= 0xDC00;
        // A pair must be written as the character that it stands for, or two encodings would be the same string.
        if surrogate == 0 || is_trail && after_lead {
            rest = &[];
            return Some(Err(NotWtf8));
        }
        rest = &rest[3..];
        after_lead = !is_trail;
        Some(Ok(Piece::LoneSurrogate(surrogate)))
    })
}

/// The WTF-8 of UTF-16 that may be ill-formed.
pub fn encode(code_units: impl IntoIterator<Item = u16>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for decoded in char::decode_utf16(code_units) {
        match decoded {
            Ok(character) => {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Err(lone) => {
                let [high, low] = lone.unpaired_surrogate().to_be_bytes();
                bytes.extend([
                    0xE0 | high >> 4,
                    0x80 | (high & 0x0F) << 2 | low >> 6,
                    0x80 | low & 0x3F,
                ]);
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(bytes: &[u8]) -> Option<Vec<u16>> {
        let mut code_units = Vec::new();
        for piece in pieces(bytes) {
            match piece.ok()? {
                Piece::Text(text) => code_units.extend(text.encode_utf16()),
                Piece::LoneSurrogate(surrogate) => code_units.push(surrogate),
            }
        }
        Some(code_units)
    }

    #[test]
    fn well_formed_text_is_utf8() {
        for text in ["", "outbox", "für später", "\u{FFFD}\u{D7FF}\u{E000}", "📮"] {
            assert_eq!(encode(text.encode_utf16()), text.as_bytes());
        }
    }

    #[test]
    fn a_lone_surrogate_has_three_bytes() {
        assert_eq!(encode([0xD800]), [0xED, 0xA0, 0x80]);
        assert_eq!(encode([0xDFFF]), [0xED, 0xBF, 0xBF]);
        let bytes = encode([0x61, 0xDC00, 0xD800, 0x62]);
        let expected = [
            Ok(Piece::Text("a")),
            Ok(Piece::LoneSurrogate(0xDC00)),
            Ok(Piece::LoneSurrogate(0xD800)),
            Ok(Piece::Text("b")),
        ];
        assert_eq!(pieces(&bytes).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_no_wtf8_is_refused() {
        let pair = b"\xED\xA0\xBD\xED\xB3\xAE".as_slice();
        for bytes in [
            pair,
            b"\xED\xA0",
            b"\xED",
            b"\x80",
            b"\xFF",
            b"a\xC0\x80",
            b"\xF4\x90\x80\x80",
        ] {
            assert_eq!(pieces(bytes).last(), Some(Err(NotWtf8)), "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn any_code_units_come_back(
            units in prop::collection::vec(prop_oneof![0xD7F0..0xE010_u16, any::<u16>()], 0..40)
        ) {
            prop_assert_eq!(decode(&encode(units.iter().copied())), Some(units));
        }

        #[test]
        fn no_string_has_two_encodings(
            bytes in prop::collection::vec(prop_oneof![Just(0xED), 0x80..0xC0_u8, any::<u8>()], 0..12)
        ) {
            if let Some(units) = decode(&bytes) {
                prop_assert_eq!(encode(units), bytes);
            }
        }
    }
}
