/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! A response keeps its headers, and no more.

use http::{HeaderMap, HeaderName, HeaderValue};

/// A copy that shares nothing with the buffer of 8 KiB which hyper has read them into, and which they would keep as long as
/// any of them lives.
pub(crate) fn own(headers: &HeaderMap) -> HeaderMap {
    let mut owned = HeaderMap::with_capacity(headers.keys_len());
    for (name, value) in headers {
        owned.append(own_name(name), own_value(value));
    }
    owned
}

fn own_name(name: &HeaderName) -> HeaderName {
    HeaderName::from_bytes(name.as_str().as_bytes()).unwrap_or_else(|_| name.clone())
}

fn own_value(value: &HeaderValue) -> HeaderValue {
    let Ok(mut owned) = HeaderValue::from_bytes(value.as_bytes()) else {
        return value.clone();
    };
    owned.set_sensitive(value.is_sensitive());
    owned
}
