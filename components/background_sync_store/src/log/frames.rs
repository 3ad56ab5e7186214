//! What a log has of an epoch.

use std::collections::BTreeMap;

use super::block::{BLOCK_BYTES, Block, Part, parse};
use crate::changes::Changes;
use crate::codec::decode_long;

/// What was found in a log, and is not in the database yet.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Of all frames that can be read, in their order.
    pub changes: Changes,
    /// Frames that can't be read, although a later one can: each was a commit.
    pub damaged: u32,
    /// After the last frame comes one that can't be read: it was never written in full, or is damaged.
    pub is_torn: bool,
}

impl Found {
    /// Whether something may be missing.
    pub fn has_losses(&self) -> bool {
        self.damaged > 0 || self.is_torn
    }
}

/// A frame of which not all parts were read yet.
#[derive(Default)]
struct Partial {
    frame: u32,
    parts: u16,
    content: Vec<u8>,
}

impl Partial {
    fn start(frame: u32) -> Self {
        Self {
            frame,
            ..Self::default()
        }
    }

    /// Adds a part, if it is the next one. Returns the content of the frame if this was the last.
    fn add(&mut self, part: &Part<'_>) -> Option<Vec<u8>> {
        if part.part == 0 {
            *self = Self::start(part.frame);
        }
        if (part.frame, part.part) != (self.frame, self.parts) {
            return None;
        }
        self.content.extend(part.content);
        self.parts += 1;
        (self.parts == part.parts).then(|| std::mem::take(&mut self.content))
    }
}

/// Puts together the frames of an epoch, each of so many bytes at most. `blocks` are those of the log, from its start.
pub(crate) fn read_frames(blocks: &[u8], epoch: u64, most_bytes: usize) -> Found {
    let mut partial = Partial::default();
    let mut frames: BTreeMap<u32, Changes> = BTreeMap::new();
    // The block after the last frame that can be read.
    let mut end = 0;
    for (number, block) in blocks.chunks_exact(BLOCK_BYTES).enumerate() {
        let Block::Part(part) = parse(block, epoch) else {
            continue;
        };
        if let Some(content) = partial.add(&part)
            && let Ok(changes) = decode_long(&content, most_bytes)
        {
            frames.insert(part.frame, changes);
            end = number + 1;
        }
    }
    let mut found = Found::default();
    if let Some((&last, _)) = frames.last_key_value() {
        let read = u32::try_from(frames.len()).unwrap_or(u32::MAX);
        found.damaged = last.saturating_add(1).saturating_sub(read);
    }
    for changes in frames.into_values() {
        found.changes.merge(changes);
    }
    let after = blocks.chunks_exact(BLOCK_BYTES).nth(end);
    found.is_torn = after.is_some_and(|block| parse(block, epoch) != Block::Old);
    found
}
