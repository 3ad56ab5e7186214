//! What a store does, on a folder.

#![allow(clippy::unwrap_used)] // helpers of tests, too

mod bodies;
mod caches;
mod queries;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache_storage::{
    CacheId, CacheStore, FolderMedium, Found, Limits, Operation, QueryOptions, RequestHead,
    ResponseHead, Take,
};
use support::read_all;

const LIMITS: Limits = Limits {
    max_bytes: 16 * 1024 * 1024,
    max_caches: 100,
};

fn open(folder: &Path) -> CacheStore {
    let medium = Arc::new(FolderMedium::new(folder).unwrap());
    CacheStore::open(medium, LIMITS).unwrap()
}

fn put(store: &CacheStore, url: &str, body: Option<&[u8]>) -> Operation {
    let draft = body.map(|bytes| {
        let mut draft = store.new_body();
        draft.append(bytes).unwrap();
        draft
    });
    Operation::Put {
        request: RequestHead::get(url),
        response: ResponseHead {
            status: 200,
            ..ResponseHead::default()
        },
        body: draft,
    }
}

fn put_now(store: &mut CacheStore, cache: CacheId, url: &str, body: &[u8]) {
    let operation = put(store, url, Some(body));
    store.commit(cache, vec![operation]).unwrap();
}

fn get(store: &mut CacheStore, cache: CacheId, url: &str) -> Option<Vec<u8>> {
    let request = RequestHead::get(url);
    let found = store.query(cache, Some(&request), QueryOptions::default(), Take::First);
    found.unwrap().pop().map(read)
}

fn read(found: Found) -> Vec<u8> {
    read_all(found.body)
}

fn keys(store: &mut CacheStore, cache: CacheId) -> Vec<String> {
    let keys = store.keys(cache, None, QueryOptions::default()).unwrap();
    keys.into_iter().map(|request| request.url).collect()
}

fn body_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("bodies")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn long_body(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}
