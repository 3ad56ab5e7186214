//! Bodies of all lengths, also of entries that go and of files with damage.

use std::fs;

use cache_storage::{
    CHUNK_BYTES, CacheError, FoundBody, Operation, QueryOptions, RequestHead, ResponseHead, Take,
};

use super::*;

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
