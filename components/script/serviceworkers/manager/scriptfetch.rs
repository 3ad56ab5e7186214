/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The scripts of service workers: how they are asked for, and whether what comes may be run.
//!
//! <https://w3c.github.io/ServiceWorker/#update>, the fetch hook

use std::mem;

use http::{HeaderName, header};
use log::debug;
use mime::Mime;
use net_traits::blob_url_store::UrlWithBlobClaim;
use net_traits::request::{
    CacheMode, CredentialsMode, ParserMetadata, Referrer, RequestBuilder, ServiceWorkersMode,
};
use net_traits::{FetchMetadata, FetchResponseMsg, Metadata, NetworkError};
use servo_constellation_traits::{JobError, ScopeThings};
use servo_url::ServoUrl;

use crate::dom::htmlscriptelement::SCRIPT_JS_MIMES;

/// A longer script is not run, in bytes.
const MAX_SCRIPT_BYTES: usize = 64 * 1024 * 1024;

const SERVICE_WORKER_ALLOWED: HeaderName = HeaderName::from_static("service-worker-allowed");

/// What a worker's [policy container](https://html.spec.whatwg.org/multipage/#policy-container) is made from.
const POLICY_HEADERS: [HeaderName; 3] = [
    header::CONTENT_SECURITY_POLICY,
    header::CONTENT_SECURITY_POLICY_REPORT_ONLY,
    header::REFERRER_POLICY,
];

/// A response, complete.
pub(super) struct ScriptResponse {
    pub(super) metadata: Metadata,
    pub(super) body: Vec<u8>,
    pub(super) muted_errors: bool,
}

/// Puts a response together.
#[derive(Default)]
pub(super) struct ResponseCollector {
    metadata: Option<(Metadata, bool)>,
    body: Vec<u8>,
}

impl ResponseCollector {
    /// Returns the result once there is one.
    pub(super) fn handle(
        &mut self,
        message: FetchResponseMsg,
    ) -> Option<Result<ScriptResponse, String>> {
        match message {
            FetchResponseMsg::ProcessResponse(_, Ok(metadata)) => {
                let muted_errors = metadata.is_cors_cross_origin();
                let metadata = match metadata {
                    FetchMetadata::Unfiltered(metadata) => metadata,
                    FetchMetadata::Filtered { unsafe_, .. } => unsafe_,
                };
                self.metadata = Some((metadata, muted_errors));
            }
            FetchResponseMsg::ProcessResponseChunk(_, chunk) => {
                self.body.extend_from_slice(&chunk);
                if self.body.len() > MAX_SCRIPT_BYTES {
                    return Some(Err(format!("it is longer than {MAX_SCRIPT_BYTES} bytes")));
                }
            }
            FetchResponseMsg::ProcessResponse(_, Err(error))
            | FetchResponseMsg::ProcessResponseEOF(_, Err(error), _) => {
                debug!("The script of a service worker can't be fetched: {error:?}");
                return Some(Err(in_words(&error).to_owned()));
            }
            FetchResponseMsg::ProcessResponseEOF(_, Ok(()), _) => {
                let response =
                    self.metadata
                        .take()
                        .map(|(metadata, muted_errors)| ScriptResponse {
                            metadata,
                            body: mem::take(&mut self.body),
                            muted_errors,
                        });
                return Some(response.ok_or_else(|| "there was no response".to_owned()));
            }
            FetchResponseMsg::ProcessRequestBody(_)
            | FetchResponseMsg::ProcessCspViolations(..)
            | FetchResponseMsg::ProcessContentLength(..) => {}
        }
        None
    }
}

/// What script is told of a failed fetch. The particulars of an error may tell of files, certificates and addresses.
fn in_words(error: &NetworkError) -> &'static str {
    match error {
        NetworkError::LoadCancelled => "the fetch was cancelled",
        NetworkError::SslValidation(..) => "the connection to its server is not secure",
        NetworkError::RedirectError | NetworkError::TooManyRedirects => "it was redirected",
        NetworkError::ContentSecurityPolicy => {
            "it is blocked by the page's Content-Security-Policy"
        }
        NetworkError::MixedContent => "it is blocked as mixed content",
        NetworkError::Nosniff | NetworkError::MimeType(_) => "it is blocked for its MIME type",
        NetworkError::InvalidPort => "its port is blocked",
        _ => "there is no network, or its server can't be reached",
    }
}

pub(super) fn script_request(
    scope_things: &ScopeThings,
    url: ServoUrl,
    no_cache: bool,
) -> RequestBuilder {
    let load_origin = &scope_things.worker_load_origin;
    let referrer = load_origin.referrer_url.clone();
    let request = RequestBuilder::new(
        None,
        UrlWithBlobClaim::from_url_without_having_claimed_blob(url),
        referrer.map_or(Referrer::NoReferrer, Referrer::ReferrerUrl),
    )
    .credentials_mode(CredentialsMode::Include)
    .parser_metadata(ParserMetadata::NotParserInserted)
    .use_url_credentials(true)
    .pipeline_id(Some(load_origin.pipeline_id))
    .policy_container(Default::default())
    .origin(scope_things.init.origin.clone())
    .cache_mode(if no_cache {
        CacheMode::NoCache
    } else {
        CacheMode::Default
    });
    RequestBuilder {
        service_workers_mode: ServiceWorkersMode::None,
        ..request
    }
}

/// Steps 7 to 17 of the fetch hook, and that the response must be ok.
pub(super) fn check_main_script(
    script_url: &ServoUrl,
    scope_url: &ServoUrl,
    metadata: &Metadata,
) -> Result<(), JobError> {
    // Of a fetch of a worker's script in general. It comes first, as in other browsers: the page of a 404 is HTML.
    if !metadata.status.is_success() {
        let error = format!(
            "the server answered {} to the request of the script {script_url}",
            metadata.status.raw_code()
        );
        return Err(JobError::TypeError(error));
    }
    // Step 7.
    if !is_javascript(metadata) {
        let error = match &metadata.content_type {
            Some(content_type) => {
                let mime: Mime = content_type.clone().into_inner().into();
                format!(
                    "the script {script_url} has the MIME type {mime}, which is not JavaScript's"
                )
            }
            None => format!("the script {script_url} has no MIME type"),
        };
        return Err(JobError::SecurityError(error));
    }
    // Steps 8 to 10.
    let allowed = metadata
        .headers
        .as_ref()
        .and_then(|headers| headers.get(&SERVICE_WORKER_ALLOWED));
    let max_scope = match allowed {
        None => script_url.join("./"),
        // Isomorphic decode.
        Some(value) => {
            let value: String = value
                .as_bytes()
                .iter()
                .map(|byte| char::from(*byte))
                .collect();
            script_url.join(&value)
        }
    };
    let Ok(max_scope) = max_scope else {
        let error = format!("the header Service-Worker-Allowed of {script_url} is no URL");
        return Err(JobError::TypeError(error));
    };
    // Steps 11 to 17.
    if max_scope.origin() == script_url.origin() && scope_url.path().starts_with(max_scope.path()) {
        return Ok(());
    }
    Err(JobError::SecurityError(format!(
        "the scope {} is not below {}, which is what the script {script_url} may have; a header \
         Service-Worker-Allowed of the script can allow more",
        scope_url.path(),
        max_scope.path(),
    )))
}

fn is_javascript(metadata: &Metadata) -> bool {
    metadata.content_type.clone().is_some_and(|content_type| {
        let mime: Mime = content_type.into_inner().into();
        SCRIPT_JS_MIMES.contains(&mime.essence_str())
    })
}

/// The opposite of a [bad import script response](https://html.spec.whatwg.org/multipage/#fetch-a-classic-worker-imported-script).
pub(super) fn is_good_import(metadata: &Metadata) -> bool {
    metadata.status.is_success() && is_javascript(metadata)
}

pub(super) fn policy_headers(metadata: &Metadata) -> Vec<(String, String)> {
    let Some(headers) = &metadata.headers else {
        return Vec::new();
    };
    POLICY_HEADERS
        .iter()
        .flat_map(|name| headers.get_all(name).iter().map(move |value| (name, value)))
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect()
}
