//! What a store does, on a folder.

#![allow(clippy::unwrap_used)] // helpers of tests, too

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cache_storage::{
    CHUNK_BYTES, CacheError, CacheId, CacheStore, FolderMedium, Found, FoundBody, Header, Limits,
    Operation, QueryOptions, RequestHead, ResponseHead, Take,
};

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
    match found.body {
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

#[test]
fn names_keep_their_order_and_survive() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    for name in ["b", "a", "", "c"] {
        store.open_cache(name.as_bytes()).unwrap();
    }
    assert!(store.delete_cache(b"a").unwrap());
    assert!(!store.delete_cache(b"a").unwrap());
    store.open_cache(b"a").unwrap();
    drop(store);
    let mut store = open(folder.path());
    let names = store.names().unwrap();
    let names: Vec<&[u8]> = names.iter().map(|(_, name)| name.as_slice()).collect();
    assert_eq!(names, [b"b".as_slice(), b"", b"c", b"a"]);
}

#[test]
fn bodies_of_all_lengths_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let cache = store.open_cache(b"v1").unwrap();
    let inline = cache_storage::MAX_INLINE_BODY_BYTES;
    let lengths = [
        0,
        1,
        inline,
        inline + 1,
        CHUNK_BYTES,
        CHUNK_BYTES + 1,
        3 * CHUNK_BYTES + 7,
    ];
    for length in lengths {
        put_now(
            &mut store,
            cache,
            &format!("http://a/{length}"),
            &long_body(length),
        );
    }
    // In pieces that fit nothing.
    let mut draft = store.new_body();
    for piece in long_body(200_000).chunks(977) {
        draft.append(piece).unwrap();
    }
    let pieces = Operation::Put {
        request: RequestHead::get("http://a/pieces"),
        response: ResponseHead::default(),
        body: Some(draft),
    };
    store.commit(cache, vec![pieces]).unwrap();
    drop(store);
    let mut store = open(folder.path());
    let cache = store.open_cache(b"v1").unwrap();
    for length in lengths {
        let found = get(&mut store, cache, &format!("http://a/{length}"));
        assert_eq!(found, Some(long_body(length)), "{length}");
    }
    assert_eq!(
        get(&mut store, cache, "http://a/pieces"),
        Some(long_body(200_000))
    );
    assert_eq!(body_files(folder.path()).len(), 5);
}

#[test]
fn what_is_replaced_goes_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let cache = store.open_cache(b"v1").unwrap();
    for url in ["http://a/1", "http://a/2", "http://a/3", "http://a/1"] {
        put_now(&mut store, cache, url, &long_body(20_000));
    }
    assert_eq!(
        keys(&mut store, cache),
        ["http://a/2", "http://a/3", "http://a/1"]
    );
    assert_eq!(body_files(folder.path()).len(), 3);
}

#[test]
fn a_batch_is_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let cache = store.open_cache(b"v1").unwrap();
    put_now(&mut store, cache, "http://a/old", b"old");
    let delete = Operation::Delete {
        request: RequestHead::get("http://a/old"),
        options: QueryOptions::default(),
    };
    let batch = vec![
        delete,
        put(&store, "http://a/1", Some(&long_body(100_000))),
        put(&store, "http://a/2", Some(b"2")),
        put(&store, "http://a/1", Some(b"1")),
    ];
    assert_eq!(
        store.commit(cache, batch),
        Err(CacheError::DuplicateRequest)
    );
    assert_eq!(keys(&mut store, cache), ["http://a/old"]);
    assert!(body_files(folder.path()).is_empty());
    assert_eq!(store.commit(CacheId(77), vec![]), Err(CacheError::NotFound));
}

#[test]
fn an_origin_has_its_share_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let cache = store.open_cache(b"v1").unwrap();
    let mut draft = store.new_body();
    let megabyte = long_body(1024 * 1024);
    let result = (0..17).try_for_each(|_| draft.append(&megabyte));
    assert_eq!(result, Err(CacheError::QuotaExceeded));
    drop(draft);
    assert!(body_files(folder.path()).is_empty());
    // What is being written counts as well.
    let mut drafts: Vec<_> = (0..3).map(|_| store.new_body()).collect();
    let five = long_body(5 * 1024 * 1024);
    drafts
        .iter_mut()
        .for_each(|draft| draft.append(&five).unwrap());
    assert_eq!(
        store.new_body().append(&five),
        Err(CacheError::QuotaExceeded)
    );
    drop(drafts);
    for _ in 0..10 {
        put_now(&mut store, cache, "http://a/same", &five);
    }
    assert!(store.stored_bytes() < 6 * 1024 * 1024);
    store.delete_cache(b"v1").unwrap();
    store.release_cache(cache);
    assert_eq!(store.stored_bytes(), 0);
}

#[test]
fn a_deleted_cache_is_there_for_who_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let cache = store.open_cache(b"v1").unwrap();
    assert_eq!(store.open_cache(b"v1"), Ok(cache));
    put_now(&mut store, cache, "http://a/", &long_body(100_000));
    assert!(store.delete_cache(b"v1").unwrap());
    assert_eq!(store.find_cache(b"v1"), Ok(None));
    let other = store.open_cache(b"v1").unwrap();
    assert_ne!(other, cache);
    assert!(keys(&mut store, other).is_empty());
    store.release_cache(cache);
    put_now(&mut store, cache, "http://a/2", b"2");
    assert_eq!(keys(&mut store, cache), ["http://a/", "http://a/2"]);
    store.release_cache(cache);
    assert!(body_files(folder.path()).is_empty());
    let gone = put(&store, "http://a/3", None);
    assert_eq!(store.commit(cache, vec![gone]), Err(CacheError::NotFound));
}

#[test]
fn a_deleted_cache_does_not_come_back_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let cache = store.open_cache(b"v1").unwrap();
    put_now(&mut store, cache, "http://a/", &long_body(100_000));
    store.delete_cache(b"v1").unwrap();
    drop(store);
    let mut store = open(folder.path());
    assert!(store.names().unwrap().is_empty());
    assert!(body_files(folder.path()).is_empty());
    assert_eq!(store.stored_bytes(), 0);
}

#[test]
fn a_body_that_is_read_outlives_its_entry() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let cache = store.open_cache(b"v1").unwrap();
    put_now(&mut store, cache, "http://a/", &long_body(200_000));
    let request = RequestHead::get("http://a/");
    let found = store.query(cache, Some(&request), QueryOptions::default(), Take::First);
    let found = found.unwrap().pop().unwrap();
    let delete = Operation::Delete {
        request,
        options: QueryOptions::default(),
    };
    assert_eq!(store.commit(cache, vec![delete]), Ok(true));
    assert_eq!(read(found), long_body(200_000));
    assert!(body_files(folder.path()).is_empty());
}

#[test]
fn a_damaged_body_costs_its_entry() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let cache = store.open_cache(b"v1").unwrap();
    for name in ["cut", "gone", "flipped", "good"] {
        put_now(
            &mut store,
            cache,
            &format!("http://a/{name}"),
            &long_body(200_000),
        );
    }
    let mut files = body_files(folder.path());
    files.sort();
    let cut = fs::OpenOptions::new().write(true).open(&files[0]).unwrap();
    cut.set_len(1000).unwrap();
    fs::remove_file(&files[1]).unwrap();
    let mut bytes = fs::read(&files[2]).unwrap();
    bytes[150_000] ^= 1;
    fs::write(&files[2], bytes).unwrap();

    assert_eq!(get(&mut store, cache, "http://a/cut"), None);
    assert_eq!(get(&mut store, cache, "http://a/gone"), None);
    let request = RequestHead::get("http://a/flipped");
    let found = store.query(cache, Some(&request), QueryOptions::default(), Take::First);
    let FoundBody::File(mut reader) = found.unwrap().pop().unwrap().body else {
        panic!("a long body is a file");
    };
    // Nothing of the chunk with the damage is handed out.
    assert_eq!(
        reader.read().unwrap().unwrap(),
        long_body(200_000)[..CHUNK_BYTES]
    );
    reader.read().unwrap();
    assert_eq!(reader.read(), Err(CacheError::Damaged));
    store.forget(&reader).unwrap();
    assert_eq!(get(&mut store, cache, "http://a/flipped"), None);
    assert_eq!(
        get(&mut store, cache, "http://a/good"),
        Some(long_body(200_000))
    );
    assert_eq!(keys(&mut store, cache), ["http://a/good"]);
}

#[test]
fn an_unreadable_index_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let cache = store.open_cache(b"v1").unwrap();
    put_now(&mut store, cache, "http://a/", &long_body(200_000));
    drop(store);
    fs::write(folder.path().join("index.redb"), b"no index").unwrap();
    let mut store = open(folder.path());
    assert!(store.names().unwrap().is_empty());
    assert!(body_files(folder.path()).is_empty());
    let cache = store.open_cache(b"v1").unwrap();
    put_now(&mut store, cache, "http://a/", b"again");
    assert_eq!(get(&mut store, cache, "http://a/"), Some(b"again".to_vec()));
}

#[test]
fn queries_of_one_path_do_not_hide_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let cache = store.open_cache(b"v1").unwrap();
    for query in ["?b", "?a", ""] {
        put_now(
            &mut store,
            cache,
            &format!("http://a/x{query}"),
            query.as_bytes(),
        );
    }
    let ignore_search = QueryOptions {
        ignore_search: true,
        ..QueryOptions::default()
    };
    let request = RequestHead::get("http://a/x?z");
    let all = store
        .query(cache, Some(&request), ignore_search, Take::All)
        .unwrap();
    let bodies: Vec<Vec<u8>> = all.into_iter().map(read).collect();
    assert_eq!(bodies, [b"?b".to_vec(), b"?a".to_vec(), b"".to_vec()]);
    assert_eq!(get(&mut store, cache, "http://a/x?z"), None);
    let delete = Operation::Delete {
        request,
        options: ignore_search,
    };
    assert_eq!(store.commit(cache, vec![delete]), Ok(true));
    assert!(keys(&mut store, cache).is_empty());
}

#[test]
fn variants_are_kept_beside_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let cache = store.open_cache(b"v1").unwrap();
    let request = |language: &str| RequestHead {
        headers: vec![Header::new("accept-language", language)],
        ..RequestHead::get("http://a/")
    };
    for language in ["de", "en", "de"] {
        let operation = Operation::Put {
            request: request(language),
            response: ResponseHead {
                headers: vec![Header::new("Vary", "Accept-Language")],
                status_text: language.into(),
                ..ResponseHead::default()
            },
            body: None,
        };
        store.commit(cache, vec![operation]).unwrap();
    }
    let found = store.query(
        cache,
        Some(&request("de")),
        QueryOptions::default(),
        Take::All,
    );
    assert_eq!(found.unwrap().len(), 1);
    assert_eq!(keys(&mut store, cache).len(), 2);
    let other = store.query(
        cache,
        Some(&request("fr")),
        QueryOptions::default(),
        Take::All,
    );
    assert!(other.unwrap().is_empty());
}

#[test]
fn other_methods_match_only_if_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let cache = store.open_cache(b"v1").unwrap();
    put_now(&mut store, cache, "http://a/", b"a");
    let mut request = RequestHead::get("http://a/");
    request.method = "POST".to_owned();
    let plain = QueryOptions::default();
    let any = QueryOptions {
        ignore_method: true,
        ..plain
    };
    assert!(
        store
            .query(cache, Some(&request), plain, Take::All)
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        store
            .query(cache, Some(&request), any, Take::All)
            .unwrap()
            .len(),
        1
    );
    let delete = |options| Operation::Delete {
        request: request.clone(),
        options,
    };
    assert_eq!(store.commit(cache, vec![delete(plain)]), Ok(false));
    assert_eq!(store.commit(cache, vec![delete(any)]), Ok(true));
}
