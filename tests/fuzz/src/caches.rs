//! What a content process can have done to its origin's caches, and what a profile may hold of them.

use std::sync::Arc;

use arbitrary::Arbitrary;
use cache_storage::{
    CHUNK_BYTES, CacheId, CacheStore, FoundBody, Header, Limits, MemoryMedium, Operation,
    QueryOptions, RequestHead, ResponseHead, Take, decode_entry, encode_entry,
};

/// So little that an input can use it up.
const MAX_BYTES: u64 = 1024 * 1024;

/// Bytes are refused, or are a pair that survives another round.
///
/// # Panics
/// On a finding.
pub fn check_record(bytes: &[u8]) {
    if let Ok(pair) = decode_entry(bytes) {
        let encoded = encode_entry(&pair).expect("what was decoded can be encoded");
        assert_eq!(decode_entry(&encoded).as_ref(), Ok(&pair));
    }
}

/// One call.
#[derive(Arbitrary, Debug)]
pub enum Step {
    /// Of a cache with any name.
    Open(Vec<u8>),
    /// Of a cache with any name.
    Delete(Vec<u8>),
    /// Of one that may not be held.
    Release(u8),
    /// Of one that may not exist.
    Batch(u8, Vec<AnyOperation>),
    /// In one that may not exist.
    Query(u8, Option<AnyRequest>, AnyOptions),
}

/// Of a batch.
#[derive(Arbitrary, Debug)]
pub enum AnyOperation {
    /// With a body of so many bytes.
    Put(AnyRequest, AnyResponse, Option<u32>),
    /// Of anything.
    Delete(AnyRequest, AnyOptions),
}

/// URLs that are none among them.
#[derive(Arbitrary, Debug)]
pub struct AnyRequest {
    method: Option<String>,
    origin: bool,
    rest: String,
    headers: Vec<(String, Vec<u8>)>,
}

/// Any status, any `Vary`.
#[derive(Arbitrary, Debug)]
pub struct AnyResponse {
    status: u16,
    vary: Option<String>,
}

/// How to look.
#[derive(Arbitrary, Debug)]
pub struct AnyOptions {
    ignore_search: bool,
    ignore_method: bool,
    ignore_vary: bool,
}

impl From<AnyRequest> for RequestHead {
    fn from(request: AnyRequest) -> Self {
        let start = if request.origin {
            "https://a.example/"
        } else {
            ""
        };
        let header = |(name, value): (String, Vec<u8>)| Header { name, value };
        Self {
            method: request.method.unwrap_or_else(|| "GET".to_owned()),
            url: format!("{start}{}", request.rest),
            headers: request.headers.into_iter().map(header).collect(),
            host: Vec::new(),
        }
    }
}

impl From<AnyOptions> for QueryOptions {
    fn from(options: AnyOptions) -> Self {
        Self {
            ignore_search: options.ignore_search,
            ignore_method: options.ignore_method,
            ignore_vary: options.ignore_vary,
        }
    }
}

/// Nothing panics, no limit is passed, and what was stored is read as it was.
///
/// # Panics
/// On a finding.
pub fn run(steps: Vec<Step>) {
    let limits = Limits {
        max_bytes: MAX_BYTES,
        max_caches: 8,
    };
    let medium = Arc::new(MemoryMedium::default());
    let mut store = CacheStore::open(medium, limits).expect("memory does not fail");
    for step in steps {
        match step {
            Step::Open(name) => {
                let _ = store.open_cache(&name);
            }
            Step::Delete(name) => {
                let _ = store.delete_cache(&name);
            }
            Step::Release(cache) => store.release_cache(CacheId(cache.into())),
            Step::Batch(cache, operations) => batch(&mut store, CacheId(cache.into()), operations),
            Step::Query(cache, request, options) => {
                let request = request.map(RequestHead::from);
                let cache = CacheId(cache.into());
                let found = store.query(cache, request.as_ref(), options.into(), Take::All);
                found
                    .expect("memory does not fail")
                    .into_iter()
                    .for_each(|found| read(found.body));
            }
        }
        assert!(store.stored_bytes() <= MAX_BYTES);
        assert!(store.names().expect("memory does not fail").len() <= limits.max_caches);
    }
}

fn batch(store: &mut CacheStore, cache: CacheId, operations: Vec<AnyOperation>) {
    let mut batch = Vec::new();
    for operation in operations {
        batch.push(match operation {
            AnyOperation::Delete(request, options) => Operation::Delete {
                request: request.into(),
                options: options.into(),
            },
            AnyOperation::Put(request, response, length) => {
                let vary = response.vary.map(|vary| Header::new("vary", vary));
                let body = length.map(|length| {
                    let mut body = store.new_body();
                    let bytes = vec![7; length as usize % (3 * CHUNK_BYTES)];
                    let _ = body.append(&bytes);
                    body
                });
                Operation::Put {
                    request: request.into(),
                    response: ResponseHead {
                        status: response.status,
                        headers: vary.into_iter().collect(),
                        ..ResponseHead::default()
                    },
                    body,
                }
            }
        });
    }
    let _ = store.commit(cache, batch);
}

fn read(body: FoundBody) {
    match body {
        FoundBody::None => {}
        FoundBody::Inline(bytes) => assert!(bytes.iter().all(|byte| *byte == 7)),
        FoundBody::File(mut reader) => {
            while let Some(bytes) = reader.read().expect("nobody damages it") {
                assert!(bytes.iter().all(|byte| *byte == 7));
            }
        }
    }
}
