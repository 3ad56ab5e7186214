//! Caches, batches and shares.

use std::fs;

use cache_storage::{CacheError, CacheId, Operation, QueryOptions, RequestHead};

use super::*;

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
