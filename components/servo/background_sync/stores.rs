/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! What earlier runs have registered is read while other parts of Servo start.

use std::io;
use std::path::Path;
use std::thread::{self, JoinHandle};

use background_sync::{Config, StartError, SyncStores};
use log::warn;

use super::BackgroundSyncOptions;

/// Stores that a thread opens.
pub(crate) struct OpeningStores {
    config: Config,
    /// `None` if there was none left: then whoever needs them opens them.
    thread: Option<JoinHandle<Result<SyncStores, StartError>>>,
}

impl OpeningStores {
    /// Those in `directory`, if the options allow it, or in memory if there is none.
    pub(crate) fn begin(options: &BackgroundSyncOptions, directory: Option<&Path>) -> Self {
        let config = options.to_config(options.directory(directory));
        let for_thread = config.clone();
        let thread = thread::Builder::new().name("SyncOpen".to_owned());
        let thread = thread.spawn(|| SyncStores::open(for_thread));
        let thread = thread
            .inspect_err(|error| warn!("No thread to open registrations: {error}"))
            .ok();
        Self { config, thread }
    }

    /// Waits until they are open.
    pub(super) fn finish(self) -> Result<SyncStores, StartError> {
        let Some(thread) = self.thread else {
            return SyncStores::open(self.config);
        };
        let panicked = |_| Err(io::Error::other("it has panicked").into());
        thread.join().unwrap_or_else(panicked)
    }
}
