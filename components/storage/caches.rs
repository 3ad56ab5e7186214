/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! The thread of the Cache API, and one for each origin that uses it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use log::{error, warn};
use net_traits::pub_domains::registered_domain_name;
use servo_base::generic_channel::{self, GenericReceiver};
use servo_url::{ImmutableOrigin, ServoUrl};
use storage_traits::cache_storage::{
    CacheCall, CacheError, CacheStorageThreadHandle, CacheStorageThreadMessage, DatabaseName,
};
use storage_traits::client_storage::{ClientStorageThreadHandle, StorageIdentifier};
use storage_traits::webstorage_thread::OriginDescriptor;

use crate::origin_caches::{self, OriginCaches};

/// So many origins have their caches open at a time; the one that was used longest ago gives way.
const MAX_OPEN_ORIGINS: usize = 32;

/// The name under which an origin's folder is registered. Servo as published registers one for each cache, under the
/// cache's name, and keeps nothing in it.
const DATABASE_NAME: &str = "request-response-lists";

pub trait CacheStorageThreadFactory {
    fn new(client_storage: ClientStorageThreadHandle) -> Self;
}

impl CacheStorageThreadFactory for CacheStorageThreadHandle {
    fn new(client_storage: ClientStorageThreadHandle) -> CacheStorageThreadHandle {
        let (sender, receiver) =
            generic_channel::channel().expect("there is room for one more channel");
        thread::Builder::new()
            .name("CacheStorageThread".to_owned())
            .spawn(move || CacheStorageThread::new(client_storage).run(&receiver))
            .expect("a thread for the Cache API");
        CacheStorageThreadHandle::new(sender)
    }
}

/// Hands calls on: a slow medium, or a large body, of one origin does not hold up another's.
struct CacheStorageThread {
    client_storage: ClientStorageThreadHandle,
    origins: HashMap<ImmutableOrigin, OriginThread>,
    /// Counts calls, to know who was used longest ago.
    now: u64,
}

struct OriginThread {
    calls: Sender<CacheCall>,
    /// Whether what waits in `calls` is to be refused.
    ends: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    last_used: u64,
}

impl CacheStorageThread {
    fn new(client_storage: ClientStorageThreadHandle) -> Self {
        Self {
            client_storage,
            origins: HashMap::new(),
            now: 0,
        }
    }

    fn run(&mut self, receiver: &GenericReceiver<CacheStorageThreadMessage>) {
        loop {
            let message = match receiver.recv() {
                Ok(message) => message,
                Err(generic_channel::ReceiveError::Disconnected) => break,
                // What one content process sends must not end this for the others.
                Err(error) => {
                    warn!("A message to the Cache API can't be read: {error:?}");
                    continue;
                }
            };
            match message {
                CacheStorageThreadMessage::Call { origin, call } => self.hand_on(origin, call),
                CacheStorageThreadMessage::Origins(sender) => {
                    let origins = self.origins().into_iter();
                    let origins = origins.map(|name| OriginDescriptor { name });
                    let _ = sender.send(origins.collect());
                }
                CacheStorageThreadMessage::ClearForSites { sites, done } => {
                    self.clear(&sites);
                    let _ = done.send(());
                }
                CacheStorageThreadMessage::Exit(sender) => {
                    self.end_all();
                    let _ = sender.send(());
                    break;
                }
            }
        }
    }

    fn hand_on(&mut self, origin: ImmutableOrigin, call: CacheCall) {
        if !origin.is_tuple() {
            return origin_caches::refuse(call, CacheError::Unavailable);
        }
        self.now += 1;
        if !self.origins.contains_key(&origin) {
            self.make_room();
            match self.start(&origin) {
                Ok(thread) => self.origins.insert(origin.clone(), thread),
                Err(error) => {
                    error!("There is no thread for the caches of an origin: {error}");
                    return origin_caches::refuse(call, CacheError::Unavailable);
                }
            };
        }
        let Some(thread) = self.origins.get_mut(&origin) else {
            return origin_caches::refuse(call, CacheError::Unavailable);
        };
        thread.last_used = self.now;
        if let Err(mpsc::SendError(call)) = thread.calls.send(call) {
            error!("The thread for the caches of an origin has ended.");
            self.origins.remove(&origin);
            origin_caches::refuse(call, CacheError::Unavailable);
        }
    }

    fn start(&self, origin: &ImmutableOrigin) -> std::io::Result<OriginThread> {
        let (calls, calls_in) = mpsc::channel();
        let ends = Arc::new(AtomicBool::new(false));
        let client_storage = self.client_storage.clone();
        let (thread_ends, thread_origin) = (ends.clone(), origin.clone());
        let thread = thread::Builder::new()
            .name("OriginCaches".to_owned())
            .spawn(move || {
                let find_folder = || {
                    let folder = client_storage.database_folder(database_of(&thread_origin));
                    folder.map_err(|reason| {
                        warn!("There is no folder for the caches of an origin: {reason}");
                        CacheError::Unavailable
                    })
                };
                let mut caches = OriginCaches::new(thread_origin.clone(), find_folder);
                while let Ok(call) = calls_in.recv() {
                    match thread_ends.load(Ordering::Relaxed) {
                        true => origin_caches::refuse(call, CacheError::Unavailable),
                        false => caches.handle(call),
                    }
                }
            })?;
        Ok(OriginThread {
            calls,
            ends,
            thread,
            last_used: self.now,
        })
    }

    fn make_room(&mut self) {
        if self.origins.len() < MAX_OPEN_ORIGINS {
            return;
        }
        let by_use = self.origins.iter();
        let Some(oldest) = by_use.min_by_key(|(_, thread)| thread.last_used) else {
            return;
        };
        let oldest = oldest.0.clone();
        if let Some(thread) = self.origins.remove(&oldest) {
            // Its folder may be opened again by the next call, so what is in hand is done first.
            drop(thread.calls);
            let _ = thread.thread.join();
        }
    }

    /// What is in hand is done, so that it is complete; what waits is not.
    fn end_all(&mut self) {
        for thread in self.origins.values() {
            thread.ends.store(true, Ordering::Relaxed);
        }
        for (_, thread) in self.origins.drain() {
            thread.end();
        }
    }

    /// Serialized.
    fn origins(&self) -> Vec<String> {
        let name = DATABASE_NAME.to_owned();
        let origins = self
            .client_storage
            .origins_with_database(StorageIdentifier::Caches, name);
        origins.unwrap_or_else(|error| {
            warn!("The origins that have caches are not known: {error}");
            Vec::new()
        })
    }

    fn clear(&mut self, sites: &[String]) {
        for origin in self.origins() {
            let Ok(url) = ServoUrl::parse(&origin) else {
                continue;
            };
            let site = registered_domain_name(&url).map(|site| site.to_string());
            if !site.is_some_and(|site| sites.contains(&site)) {
                continue;
            }
            let origin = url.origin();
            if let Some(thread) = self.origins.remove(&origin) {
                thread.end();
            }
            let removed = self.client_storage.remove_database(database_of(&origin));
            if let Err(error) = removed {
                error!("The caches of an origin were not removed: {error}");
            }
        }
    }
}

impl OriginThread {
    /// What is in hand is done; what waits is not.
    fn end(self) {
        self.ends.store(true, Ordering::Relaxed);
        drop(self.calls);
        let _ = self.thread.join();
    }
}

fn database_of(origin: &ImmutableOrigin) -> DatabaseName {
    DatabaseName {
        origin: origin.clone(),
        identifier: StorageIdentifier::Caches,
        name: DATABASE_NAME.to_owned(),
    }
}
