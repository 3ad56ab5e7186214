//! The bytes of a tag. Most are few, and there may be thousands of tags: few are kept in place, and only many in memory of
//! their own, which all copies share.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// So many have room beside a length and what tells both kinds apart.
const FEW: usize = 22;

#[derive(Clone)]
pub enum Bytes {
    /// The first `length` of these.
    Few {
        length: u8,
        bytes: [u8; FEW],
    },
    Many(Arc<[u8]>),
}

impl Bytes {
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Few { length, bytes } => &bytes[..usize::from(*length)],
            Self::Many(bytes) => bytes,
        }
    }
}

impl From<&[u8]> for Bytes {
    fn from(slice: &[u8]) -> Self {
        let mut bytes = [0; FEW];
        match (bytes.get_mut(..slice.len()), u8::try_from(slice.len())) {
            (Some(room), Ok(length)) => {
                room.copy_from_slice(slice);
                Self::Few { length, bytes }
            }
            _ => Self::Many(slice.into()),
        }
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Bytes {}

impl PartialOrd for Bytes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bytes {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl Hash for Bytes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn few_and_many_are_as_they_were_given() {
        let all: Vec<u8> = (0..=99).collect();
        let mut known = HashSet::new();
        for length in 0..=all.len() {
            let bytes = Bytes::from(&all[..length]);
            assert_eq!(bytes.as_slice(), &all[..length]);
            assert_eq!(matches!(bytes, Bytes::Few { .. }), length <= FEW);
            assert!(length == 0 || Bytes::from(&all[..length - 1]) < bytes);
            assert!(known.insert(bytes.clone()) && known.contains(&bytes));
        }
    }

    #[test]
    fn a_tag_takes_three_words_in_place() {
        assert_eq!(size_of::<Bytes>(), 24);
    }
}
