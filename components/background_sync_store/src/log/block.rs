//! The blocks of the log. A frame, which is one commit, takes one block or more; each block says of which frame it is a
//! part and has a check of its own, so that damage costs one frame, wherever it is.
//!
//! | bytes | content, numbers in little endian |
//! | --- | --- |
//! | 0 to 4 | `BSL` and the version, 1 |
//! | 4 to 8 | number of the frame, from 0 in each epoch |
//! | 8 to 16 | epoch |
//! | 16 to 18 | which part of the frame it is, from 0 |
//! | 18 to 20 | how many parts the frame has |
//! | 20 to 24 | bytes of content |
//! | 24 to 32 | SipHash-1-3 of bytes 0 to 24 and of the content |
//! | 32 | content |

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

/// What is written at a time. File systems and media have units of this size or of less.
pub(crate) const BLOCK_BYTES: usize = 4_096;

const MAGIC: [u8; 4] = *b"BSL\x01";
/// Bytes before the check.
const FIELDS_BYTES: usize = 24;
const HEADER_BYTES: usize = FIELDS_BYTES + 8;

/// Content of a block.
pub(crate) const CONTENT_BYTES: usize = BLOCK_BYTES - HEADER_BYTES;

/// What is in a block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Block<'b> {
    Part(Part<'b>),
    /// Nothing, or of another epoch.
    Old,
    /// Damaged, or written in part.
    Damaged,
}

/// A part of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'b> {
    pub frame: u32,
    pub part: u16,
    pub parts: u16,
    pub content: &'b [u8],
}

/// How many blocks a frame with so many bytes of content takes.
pub(crate) fn blocks_for(bytes: usize) -> usize {
    bytes.div_ceil(CONTENT_BYTES).max(1)
}

/// The blocks of a frame; `None` if it has too many.
pub(crate) fn encode_frame(epoch: u64, frame: u32, content: &[u8]) -> Option<Vec<u8>> {
    let parts = u16::try_from(blocks_for(content.len())).ok()?;
    let mut blocks = Vec::with_capacity(usize::from(parts) * BLOCK_BYTES);
    for part in 0..parts {
        let content = content.chunks(CONTENT_BYTES).nth(usize::from(part));
        let content = content.unwrap_or_default();
        let end = blocks.len() + BLOCK_BYTES;
        let mut fields = [0; FIELDS_BYTES];
        fields[..4].copy_from_slice(&MAGIC);
        fields[4..8].copy_from_slice(&frame.to_le_bytes());
        fields[8..16].copy_from_slice(&epoch.to_le_bytes());
        fields[16..18].copy_from_slice(&part.to_le_bytes());
        fields[18..20].copy_from_slice(&parts.to_le_bytes());
        let length = u32::try_from(content.len()).ok()?;
        fields[20..].copy_from_slice(&length.to_le_bytes());
        blocks.extend(fields);
        blocks.extend(check(&fields, content).to_le_bytes());
        blocks.extend(content);
        blocks.resize(end, 0);
    }
    Some(blocks)
}

/// Reads a block.
pub(crate) fn parse(block: &[u8], epoch: u64) -> Block<'_> {
    if block.iter().all(|&byte| byte == 0) {
        return Block::Old;
    }
    match parse_part(block) {
        Some((found, part)) if found == epoch => Block::Part(part),
        Some(_) => Block::Old,
        None => Block::Damaged,
    }
}

fn parse_part(block: &[u8]) -> Option<(u64, Part<'_>)> {
    let (fields, rest) = block.split_first_chunk::<FIELDS_BYTES>()?;
    let (stored_check, rest) = rest.split_first_chunk()?;
    let (magic, numbers) = fields.split_first_chunk()?;
    let (frame, numbers) = numbers.split_first_chunk()?;
    let (epoch, numbers) = numbers.split_first_chunk()?;
    let (part, numbers) = numbers.split_first_chunk()?;
    let (parts, numbers) = numbers.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*numbers.first_chunk()?)).ok()?;
    let content = rest.get(..length)?;
    let part = Part {
        frame: u32::from_le_bytes(*frame),
        part: u16::from_le_bytes(*part),
        parts: u16::from_le_bytes(*parts),
        content,
    };
    let is_whole = *magic == MAGIC
        && part.part < part.parts
        && u64::from_le_bytes(*stored_check) == check(fields, content);
    is_whole.then(|| (u64::from_le_bytes(*epoch), part))
}

fn check(fields: &[u8], content: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(fields);
    hasher.write(content);
    hasher.finish()
}
