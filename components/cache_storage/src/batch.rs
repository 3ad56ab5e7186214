//! The rules for a batch that can be checked without looking at what is stored.

use crate::CacheError;
use crate::body::BodyDraft;
use crate::head::{QueryOptions, RequestHead, ResponseHead};
use crate::matching::{Varies, request_matches, varies};

/// The most operations in a batch; a longer batch is refused.
pub const MAX_OPERATIONS: usize = 10_000;

/// <https://w3c.github.io/ServiceWorker/#dfn-cache-batch-operation>
#[derive(Debug)]
pub enum Operation {
    /// Adds a pair at the end of the list, and removes those that its request matches.
    Put {
        /// Its method must be GET.
        request: RequestHead,
        /// Its status must not be 206.
        response: ResponseHead,
        /// The complete body; `None` is a null body.
        body: Option<BodyDraft>,
    },
    /// Removes all pairs that the request matches.
    Delete {
        /// The request to match.
        request: RequestHead,
        /// How to match it.
        options: QueryOptions,
    },
}

impl Operation {
    /// Its request, and how that is matched.
    pub(crate) fn query(&self) -> (&RequestHead, QueryOptions) {
        match self {
            Self::Put { request, .. } => (request, QueryOptions::default()),
            Self::Delete { request, options } => (request, *options),
        }
    }
}

/// Whether a pair may be stored at all.
///
/// # Errors
/// What is wrong with it.
pub fn check_put(request: &RequestHead, response: &ResponseHead) -> Result<(), CacheError> {
    let http = ["http://", "https://"];
    if !http.iter().any(|scheme| request.url.starts_with(scheme)) {
        return Err(CacheError::NotHttp);
    }
    if request.method != "GET" {
        return Err(CacheError::NotGet);
    }
    // Of these, neither status nor headers are seen.
    if response.kind.is_opaque() {
        return Ok(());
    }
    if response.status == 206 {
        return Err(CacheError::Partial);
    }
    if varies(&response.headers) == Varies::ByAll {
        return Err(CacheError::VariesByAll);
    }
    Ok(())
}

/// The steps of <https://w3c.github.io/ServiceWorker/#batch-cache-operations-algorithm> that look at the batch alone.
///
/// # Errors
/// The first reason to refuse the whole batch.
pub(crate) fn check(operations: &[Operation]) -> Result<(), CacheError> {
    if operations.len() > MAX_OPERATIONS {
        return Err(CacheError::TooLong);
    }
    let mut added = AddedItems::default();
    for operation in operations {
        // 2.3. Nothing that an earlier operation has added may be asked for again.
        let (query, options) = operation.query();
        if added.has_match(query, options) {
            return Err(CacheError::DuplicateRequest);
        }
        // 2.5. What is put is fit to be stored.
        if let Operation::Put {
            request, response, ..
        } = operation
        {
            check_put(request, response)?;
            added.push(request, response);
        }
    }
    Ok(())
}

/// Grouped by the path of their URLs, so that a batch of thousands does not cost thousands squared.
#[derive(Default)]
struct AddedItems<'a> {
    by_path: std::collections::HashMap<&'a str, Vec<(&'a RequestHead, &'a ResponseHead)>>,
}

impl<'a> AddedItems<'a> {
    fn push(&mut self, request: &'a RequestHead, response: &'a ResponseHead) {
        let path = crate::matching::path_key(&request.url);
        self.by_path
            .entry(path)
            .or_default()
            .push((request, response));
    }

    fn has_match(&self, query: &RequestHead, options: QueryOptions) -> bool {
        let items = self.by_path.get(crate::matching::path_key(&query.url));
        items
            .into_iter()
            .flatten()
            .any(|(request, response)| request_matches(query, request, Some(response), options))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::{Header, ResponseKind};

    fn put(url: &str) -> Operation {
        Operation::Put {
            request: RequestHead::get(url),
            response: ResponseHead::default(),
            body: None,
        }
    }

    #[test]
    fn a_batch_has_each_request_once() {
        assert_eq!(check(&[put("http://a/1"), put("http://a/2")]), Ok(()));
        let twice = [put("http://a/1"), put("http://a/1#x")];
        assert_eq!(check(&twice), Err(CacheError::DuplicateRequest));
        let delete = Operation::Delete {
            request: RequestHead::get("http://a/1?x"),
            options: QueryOptions {
                ignore_search: true,
                ..QueryOptions::default()
            },
        };
        let mixed = [put("http://a/1"), delete];
        assert_eq!(check(&mixed), Err(CacheError::DuplicateRequest));
    }

    #[test]
    fn what_is_unfit_is_refused() {
        assert_eq!(check(&[put("data:,x")]), Err(CacheError::NotHttp));
        assert_eq!(check(&[put("httpx://a")]), Err(CacheError::NotHttp));
        let mut head = RequestHead::get("https://a/");
        head.method = "POST".to_owned();
        let mut response = ResponseHead::default();
        assert_eq!(check_put(&head, &response), Err(CacheError::NotGet));
        head.method = "GET".to_owned();
        response.status = 206;
        assert_eq!(check_put(&head, &response), Err(CacheError::Partial));
        response.kind = ResponseKind::Opaque;
        assert_eq!(check_put(&head, &response), Ok(()));
        response.kind = ResponseKind::Basic;
        response.status = 200;
        response.headers.push(Header::new("Vary", "x, *"));
        assert_eq!(check_put(&head, &response), Err(CacheError::VariesByAll));
    }
}
