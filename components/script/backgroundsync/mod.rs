/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Background Sync, and the parts of the service worker life cycle that it rests on.
//!
//! <https://wicg.github.io/background-sync/spec/>

pub(crate) mod clients;
pub(crate) mod container;
pub(crate) mod explainersyncmanager;
pub(crate) mod extendedlifetime;
pub(crate) mod functionalevent;
pub(crate) mod importedscripts;
pub(crate) mod onlinestate;
pub(crate) mod periodicsyncevent;
pub(crate) mod periodicsyncmanager;
pub(crate) mod permissions;
pub(crate) mod ready;
pub(crate) mod registrationjobs;
pub(crate) mod registrationstate;
pub(crate) mod serviceworkerclients;
pub(crate) mod serviceworkeridle;
pub(crate) mod serviceworkerjobs;
pub(crate) mod serviceworkerlifecycle;
pub(crate) mod serviceworkerlimits;
pub(crate) mod serviceworkerrun;
pub(crate) mod syncconnection;
pub(crate) mod syncevent;
pub(crate) mod syncmanager;
pub(crate) mod tag;
pub(crate) mod workerregistration;
pub(crate) mod workerreports;
pub(crate) mod workerthread;
