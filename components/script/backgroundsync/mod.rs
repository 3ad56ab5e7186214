/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Background Sync: the DOM classes of this API, and the way of their calls and events.
//!
//! <https://wicg.github.io/background-sync/spec/>

pub(crate) mod embeddernews;
pub(crate) mod explainersyncmanager;
pub(crate) mod functionalevent;
pub(crate) mod onlinestate;
pub(crate) mod periodicsyncevent;
pub(crate) mod periodicsyncmanager;
pub(crate) mod permissions;
pub(crate) mod syncconnection;
pub(crate) mod syncevent;
pub(crate) mod syncmanager;
pub(crate) mod tag;
pub(crate) mod workerreports;
