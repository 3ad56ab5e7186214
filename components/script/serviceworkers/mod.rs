/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What Servo's service workers lack: the life cycle, its jobs and its events, the clients, and how workers are started and
//! ended. What the group `offline` of the patches needs is compiled with Cargo's feature of that name.
//!
//! <https://w3c.github.io/ServiceWorker/>

#[cfg(feature = "offline")]
mod arrivingbody;
#[cfg(feature = "offline")]
pub(crate) mod bodyflow;
#[cfg(feature = "offline")]
pub(crate) mod bodyreader;
#[cfg(feature = "offline")]
mod bodyunderway;
#[cfg(feature = "offline")]
pub(crate) mod cache;
#[cfg(feature = "offline")]
pub(crate) mod cacheadd;
#[cfg(feature = "offline")]
pub(crate) mod cachebodies;
#[cfg(feature = "offline")]
pub(crate) mod cachecalls;
#[cfg(feature = "offline")]
pub(crate) mod cacheheads;
#[cfg(feature = "offline")]
pub(crate) mod cachestorage;
pub(crate) mod clients;
#[cfg(feature = "offline")]
pub(crate) mod clientview;
pub(crate) mod container;
#[cfg(feature = "offline")]
pub(crate) mod controller;
pub(crate) mod extendedlifetime;
#[cfg(feature = "offline")]
pub(crate) mod fetchanswer;
#[cfg(feature = "offline")]
mod fetchdispatch;
#[cfg(feature = "offline")]
mod fetchesinhand;
#[cfg(feature = "offline")]
pub(crate) mod fetchevent;
pub(crate) mod importedscripts;
#[cfg(feature = "offline")]
mod lazypromise;
pub(crate) mod manager;
#[cfg(feature = "offline")]
pub(crate) mod navigationpreload;
#[cfg(feature = "offline")]
pub(crate) mod navigationpreloadmanager;
#[cfg(feature = "offline")]
pub(crate) mod notificationevent;
#[cfg(feature = "offline")]
pub(crate) mod notifications;
#[cfg(feature = "offline")]
pub(crate) mod offlineevents;
pub(crate) mod ready;
pub(crate) mod registrationjobs;
pub(crate) mod registrationstate;
#[cfg(feature = "offline")]
pub(crate) mod requestbody;
#[cfg(feature = "offline")]
pub(crate) mod responseparts;
#[cfg(feature = "offline")]
pub(crate) mod windows;
pub(crate) mod workerregistration;
pub(crate) mod workerscope;
pub(crate) mod workerthread;
