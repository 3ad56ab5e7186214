/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What Servo's service workers lack: the life cycle, its jobs and its events, the clients, and how workers are started and
//! ended.
//!
//! <https://w3c.github.io/ServiceWorker/>

pub(crate) mod bodyflow;
pub(crate) mod bodyreader;
pub(crate) mod cache;
pub(crate) mod cacheadd;
pub(crate) mod cachebodies;
pub(crate) mod cachecalls;
pub(crate) mod cacheheads;
pub(crate) mod cachestorage;
pub(crate) mod clients;
pub(crate) mod clientview;
pub(crate) mod container;
pub(crate) mod controller;
pub(crate) mod extendedlifetime;
pub(crate) mod fetchanswer;
pub(crate) mod fetchevent;
pub(crate) mod importedscripts;
pub(crate) mod manager;
pub(crate) mod navigationpreload;
pub(crate) mod navigationpreloadmanager;
pub(crate) mod notificationevent;
pub(crate) mod notifications;
pub(crate) mod ready;
pub(crate) mod registrationjobs;
pub(crate) mod registrationstate;
pub(crate) mod requestbody;
pub(crate) mod responseparts;
pub(crate) mod windows;
pub(crate) mod workerregistration;
pub(crate) mod workerscope;
pub(crate) mod workerthread;
