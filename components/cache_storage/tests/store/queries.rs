//! Which entries match.

use cache_storage::{Header, Operation, QueryOptions, RequestHead, ResponseHead, Take};

use super::*;

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
