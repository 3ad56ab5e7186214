//! The store against a list that anybody can check, with restarts in between.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::path::Path;
use std::sync::Arc;

use cache_storage::{
    CHUNK_BYTES, CacheStore, FolderMedium, Header, Limits, Operation, QueryOptions, RequestHead,
    ResponseHead, Take, request_matches,
};
use proptest::prelude::*;
use support::read_all;

const LIMITS: Limits = Limits {
    max_bytes: 1 << 30,
    max_caches: 100,
};

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<(RequestHead, ResponseHead, usize)>),
    Delete(RequestHead, QueryOptions),
    Query(RequestHead, QueryOptions),
    Restart,
}

fn request() -> impl Strategy<Value = RequestHead> {
    let path = prop::sample::select(vec!["a", "b", "b?1", "b?2", "b?1#x", "c?"]);
    let language = prop::sample::select(vec![None, Some("de"), Some("en")]);
    (path, language).prop_map(|(path, language)| RequestHead {
        headers: language
            .map(|language| Header::new("Accept-Language", language))
            .into_iter()
            .collect(),
        ..RequestHead::get(format!("https://a.example/{path}"))
    })
}

fn response() -> impl Strategy<Value = ResponseHead> {
    (any::<bool>(), 200..300_u16)
        .prop_filter("not stored", |(_, status)| *status != 206)
        .prop_map(|(varies, status)| ResponseHead {
            status,
            headers: match varies {
                true => vec![Header::new("vary", "accept-language")],
                false => Vec::new(),
            },
            ..ResponseHead::default()
        })
}

fn options() -> impl Strategy<Value = QueryOptions> {
    (any::<bool>(), any::<bool>()).prop_map(|(ignore_search, ignore_vary)| QueryOptions {
        ignore_search,
        ignore_vary,
        ignore_method: false,
    })
}

fn step() -> impl Strategy<Value = Step> {
    let length = prop::sample::select(vec![0, 7, 20_000, CHUNK_BYTES, 2 * CHUNK_BYTES + 1]);
    let pair = (request(), response(), length);
    prop_oneof![
        4 => prop::collection::vec(pair, 1..4).prop_map(Step::Put),
        2 => (request(), options()).prop_map(|(request, options)| Step::Delete(request, options)),
        4 => (request(), options()).prop_map(|(request, options)| Step::Query(request, options)),
        1 => Just(Step::Restart),
    ]
}

#[derive(Clone, Default)]
struct Model(Vec<(RequestHead, ResponseHead, usize)>);

impl Model {
    fn matching(&self, request: &RequestHead, options: QueryOptions) -> Vec<usize> {
        let matches =
            |(_, (stored, response, _)): &(usize, &(RequestHead, ResponseHead, usize))| {
                request_matches(request, stored, Some(response), options)
            };
        let matched = self.0.iter().enumerate().filter(matches);
        matched.map(|(index, _)| index).collect()
    }

    fn remove(&mut self, request: &RequestHead, options: QueryOptions) -> bool {
        let matched = self.matching(request, options);
        for index in matched.iter().rev() {
            self.0.remove(*index);
        }
        !matched.is_empty()
    }

    /// `None` if two of them are about one request.
    fn put(&self, pairs: &[(RequestHead, ResponseHead, usize)]) -> Option<Self> {
        let (mut next, mut added) = (self.clone(), Self::default());
        for pair in pairs {
            if !added.matching(&pair.0, QueryOptions::default()).is_empty() {
                return None;
            }
            next.remove(&pair.0, QueryOptions::default());
            next.0.push(pair.clone());
            added.0.push(pair.clone());
        }
        Some(next)
    }
}

fn open(folder: &Path) -> CacheStore {
    let medium = Arc::new(FolderMedium::new(folder).unwrap());
    CacheStore::open(medium, LIMITS).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_store_is_a_list(steps in prop::collection::vec(step(), 1..25)) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path());
        let mut model = Model::default();
        for step in steps {
            let cache = store.open_cache(b"v1").unwrap();
            match step {
                Step::Restart => {
                    drop(store);
                    store = open(folder.path());
                }
                Step::Put(pairs) => {
                    let operations = pairs.iter().map(|(request, response, length)| {
                        let mut body = store.new_body();
                        body.append(&vec![1; *length]).unwrap();
                        Operation::Put {
                            request: request.clone(),
                            response: response.clone(),
                            body: Some(body),
                        }
                    });
                    let operations = operations.collect();
                    let result = store.commit(cache, operations);
                    match model.put(&pairs) {
                        Some(next) => {
                            prop_assert_eq!(result, Ok(false));
                            model = next;
                        }
                        None => prop_assert!(result.is_err()),
                    }
                }
                Step::Delete(request, options) => {
                    let deleted = model.remove(&request, options);
                    let delete = Operation::Delete { request, options };
                    prop_assert_eq!(store.commit(cache, vec![delete]), Ok(deleted));
                }
                Step::Query(request, options) => {
                    let found = store.query(cache, Some(&request), options, Take::All).unwrap();
                    let expected = model.matching(&request, options);
                    prop_assert_eq!(found.len(), expected.len());
                    for (found, index) in found.into_iter().zip(expected) {
                        let (request, response, length) = &model.0[index];
                        prop_assert_eq!(&found.request, request);
                        prop_assert_eq!(&found.response, response);
                        prop_assert_eq!(read_all(found.body).len(), *length);
                    }
                }
            }
            let cache = store.open_cache(b"v1").unwrap();
            let keys = store.keys(cache, None, QueryOptions::default()).unwrap();
            let expected: Vec<RequestHead> = model.0.iter().map(|(request, ..)| request.clone()).collect();
            prop_assert_eq!(keys, expected);
        }
    }
}
