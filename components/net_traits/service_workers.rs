/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What the network asks of service workers, and how they answer.
//!
//! <https://w3c.github.io/ServiceWorker/#handle-fetch>

use bytes::Bytes;
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use servo_base::generic_channel::GenericCallback;
use servo_url::ServoUrl;

use crate::http_status::HttpStatus;
use crate::request::{RequestBuilder, RequestId};
use crate::response::ResponseType;

/// What the network has for the service worker manager of an origin.
#[derive(Debug, Deserialize, Serialize)]
pub enum FromNetwork {
    Fetch(Box<FetchToHandle>),
    /// Nobody waits for this fetch any more.
    Cancelled(RequestId),
}

/// A request that the active worker of a registration is asked to answer.
#[derive(Debug, Deserialize, Serialize)]
pub struct FetchToHandle {
    /// The registration's.
    pub scope_url: ServoUrl,
    /// As it is before the network has its turn, with all that was determined of it. Its pipeline is the client, or, of a
    /// navigation, the one that results from it.
    pub request: RequestBuilder,
    /// Dropped before [`FetchAnswer::Dispatched`] it stands for [`FetchAnswer::Fallback`], and for
    /// [`FetchAnswer::Failed`] after it.
    pub answer: GenericCallback<FetchAnswer>,
}

/// The parts of an answer, in the order in which they are sent.
#[derive(Debug, Deserialize, Serialize)]
pub enum FetchAnswer {
    /// A worker has the event.
    Dispatched,
    /// The network is to answer.
    Fallback,
    /// The response, and whether it has a body, which follows.
    Response(Box<ResponseHead>, HasBody),
    /// The response, and its whole body, which is short. Nothing follows.
    ShortResponse(Box<ResponseHead>, Bytes),
    /// Whoever gets it drops it once it is used: that is the sender's permission to send more.
    Chunk(Bytes),
    /// The body is complete.
    End,
    /// A network error, or the end of a body that is not complete.
    Failed,
}

/// Whether a response has a body.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub enum HasBody {
    No,
    Yes,
}

/// A response without its body. Of a filtered response these are the parts of its internal response.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ResponseHead {
    pub response_type: ResponseType,
    /// The last one of its URL list. `None` if a script has made it.
    pub url: Option<ServoUrl>,
    /// Whether its URL list has more than one.
    pub redirected: bool,
    pub status: HttpStatus,
    #[serde(
        deserialize_with = "::hyper_serde::deserialize",
        serialize_with = "::hyper_serde::serialize"
    )]
    pub headers: HeaderMap,
    /// <https://fetch.spec.whatwg.org/#concept-response-cors-exposed-header-name-list>
    pub exposed_headers: Vec<String>,
}
