//! Whether a stored pair matches a request.

use crate::head::{Header, QueryOptions, RequestHead, ResponseHead, combined};

const FRAGMENT: char = '#';
const QUERY: char = '?';

/// Without its fragment.
pub(crate) fn url_key(url: &str) -> &str {
    url.split_once(FRAGMENT).map_or(url, |(url, _)| url)
}

/// Without fragment and query.
pub(crate) fn path_key(url: &str) -> &str {
    let url = url_key(url);
    url.split_once(QUERY).map_or(url, |(path, _)| path)
}

/// What a response depends on, by its `Vary` headers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Varies {
    /// On everything: it matches no request.
    ByAll,
    /// On these headers of the request.
    By(Vec<String>),
}

pub(crate) fn varies(headers: &[Header]) -> Varies {
    let Some(vary) = combined(headers, "vary") else {
        return Varies::By(Vec::new());
    };
    let text = String::from_utf8_lossy(&vary);
    let names: Vec<String> = text
        .split(',')
        .map(|name| name.trim_matches(|c| " \t\r\n".contains(c)).to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    if names.iter().any(|name| name == "*") {
        return Varies::ByAll;
    }
    Varies::By(names)
}

/// <https://w3c.github.io/ServiceWorker/#request-matches-cached-item-algorithm>
///
/// `response` is missing where the specification gives null, which leaves `Vary` out.
pub fn request_matches(
    query: &RequestHead,
    request: &RequestHead,
    response: Option<&ResponseHead>,
    options: QueryOptions,
) -> bool {
    // 1. Of other methods nothing is stored, but this may be asked of a list that is none.
    if !options.ignore_method && request.method != "GET" {
        return false;
    }
    // 2. to 6. The URLs are the same but for the fragment, and for the query if that is to be ignored.
    let same_url = if options.ignore_search {
        path_key(&query.url) == path_key(&request.url)
    } else {
        url_key(&query.url) == url_key(&request.url)
    };
    if !same_url {
        return false;
    }
    // 7. Without a response, or without a look at `Vary`, that is all. Of an opaque one no headers are seen.
    let looks_at_vary =
        |response: &&ResponseHead| !options.ignore_vary && !response.kind.is_opaque();
    let Some(response) = response.filter(looks_at_vary) else {
        return true;
    };
    // 8. and 9. Each header that the response varies by has the same value in both requests.
    match varies(&response.headers) {
        Varies::ByAll => false,
        Varies::By(names) => names
            .iter()
            .all(|name| combined(&query.headers, name) == combined(&request.headers, name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::ResponseKind;

    fn with(url: &str, headers: &[(&str, &str)]) -> RequestHead {
        let mut head = RequestHead::get(url);
        head.headers = list(headers);
        head
    }

    fn list(headers: &[(&str, &str)]) -> Vec<Header> {
        let header = |(name, value): &(&str, &str)| Header::new(*name, value.as_bytes());
        headers.iter().map(header).collect()
    }

    fn varying(headers: &[(&str, &str)]) -> ResponseHead {
        ResponseHead {
            headers: list(headers),
            ..ResponseHead::default()
        }
    }

    const PLAIN: QueryOptions = QueryOptions {
        ignore_search: false,
        ignore_method: false,
        ignore_vary: false,
    };

    #[test]
    fn fragments_never_count_and_queries_only_if_asked() {
        let matches = |query: &str, stored: &str, options| {
            request_matches(&with(query, &[]), &with(stored, &[]), None, options)
        };
        assert!(matches("http://a/x#1", "http://a/x#2", PLAIN));
        assert!(!matches("http://a/x?1", "http://a/x?2", PLAIN));
        assert!(!matches("http://a/x?", "http://a/x", PLAIN));
        let ignore_search = QueryOptions {
            ignore_search: true,
            ..PLAIN
        };
        assert!(matches("http://a/x?1#?", "http://a/x?2", ignore_search));
        assert!(matches("http://a/x", "http://a/x?", ignore_search));
        assert!(!matches("http://a/y?1", "http://a/x?1", ignore_search));
        assert!(matches("http://a/#?x", "http://a/", PLAIN));
    }

    #[test]
    fn vary_compares_combined_values() {
        let stored = with("http://a/", &[("Accept", "a"), ("accept", "b")]);
        let response = varying(&[("Vary", "x-other, ACCEPT"), ("vary", "origin")]);
        let matches = |query: &RequestHead, options| {
            request_matches(query, &stored, Some(&response), options)
        };
        assert!(matches(&with("http://a/", &[("accept", "a, b")]), PLAIN));
        let other = with("http://a/", &[("accept", "a")]);
        assert!(!matches(&other, PLAIN));
        let ignore_vary = QueryOptions {
            ignore_vary: true,
            ..PLAIN
        };
        assert!(matches(&other, ignore_vary));
        let more = with("http://a/", &[("accept", "a, b"), ("origin", "o")]);
        assert!(!matches(&more, PLAIN));
        let opaque = ResponseHead {
            kind: ResponseKind::Opaque,
            ..response.clone()
        };
        assert!(request_matches(&more, &stored, Some(&opaque), PLAIN));
    }

    #[test]
    fn what_varies_by_everything_never_matches() {
        let stored = with("http://a/", &[]);
        let response = varying(&[("vary", "accept"), ("Vary", " * ")]);
        assert!(!request_matches(&stored, &stored, Some(&response), PLAIN));
        assert!(request_matches(&stored, &stored, None, PLAIN));
    }

    #[test]
    fn only_get_matches_unless_methods_are_ignored() {
        let mut stored = with("http://a/", &[]);
        stored.method = "HEAD".to_owned();
        assert!(!request_matches(&stored, &stored, None, PLAIN));
        let ignore_method = QueryOptions {
            ignore_method: true,
            ..PLAIN
        };
        assert!(request_matches(&stored, &stored, None, ignore_method));
    }
}
