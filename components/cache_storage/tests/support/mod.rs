//! What the tests of the store share.

use cache_storage::FoundBody;

pub fn read_all(body: FoundBody) -> Vec<u8> {
    match body {
        FoundBody::None => Vec::new(),
        FoundBody::Inline(bytes) => bytes,
        FoundBody::File(mut reader) => {
            let mut all = Vec::new();
            while let Some(bytes) = reader.read().unwrap() {
                all.extend_from_slice(&bytes);
            }
            all
        }
    }
}
