/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Background Sync as embedders see it.
//!
//! A sync is registered by a page and fires in its service worker once there is a network, even after the page has
//! been closed. The embedder says whether there is one ([`Servo::report_online_changed`](crate::Servo)), and is told
//! what happens ([`ServoDelegate::notify_background_sync`](crate::ServoDelegate)). All of it is off unless the
//! preference `dom_background_sync_enabled` is on.
//!
//! <https://wicg.github.io/background-sync/spec/>

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use background_sync::{Clear, Config, Storage, SyncManager, SyncManagerControl, SyncManagerThread};
pub use background_sync::{
    Connectivity, DispatchError, EventOutcome, ExtraInterval, JournalEntry, JournalQuery, NextStep,
    Origin, Permission, PermissionName, Policy, RegisterError, RegistrationInfo, RegistrationState,
    RemovalReason, RemoveError, Reply, ScopeKey, SyncApi, SyncNotification, Tag, WallTime,
    WhyNotFired, WhyReport,
};
use crossbeam_channel::{Receiver, unbounded};
use embedder_traits::EventLoopWaker;
use log::error;
use net_traits::CoreResourceThread;
use servo_base::generic_channel::{self, GenericSender};
use servo_constellation_traits::direct_events::DirectEvents;
use servo_constellation_traits::{
    BackgroundSyncToConstellationMessage, EmbedderNews, EmbedderToConstellationMessage,
};
use servo_url::ServoUrl;
pub use storage::StorageDurability;
use storage_traits::background_sync::BackgroundSyncMessage;
use url::Url;

use self::engine::{EmbedderThread, ServoEngine, ToEmbedder};
use self::known::{OpenWindows, WorkerManagers};
pub use self::online_state::OnlineReporter;
pub(crate) use self::permission::Permissions;
pub use self::permission::{BackgroundSyncPermissionRequest, OtherOrigins};
pub(crate) use self::stores::OpeningStores;
use crate::ServoDelegate;
#[cfg(feature = "offline")]
use crate::notifications::NotificationManager;
use crate::proxies::ConstellationProxy;

mod barrier;
mod engine;
mod known;
pub(crate) mod online_state;
mod permission;
mod stores;

/// How Background Sync is to behave, for [`ServoBuilder::background_sync`](crate::ServoBuilder::background_sync).
#[derive(Clone, Debug)]
pub struct BackgroundSyncOptions {
    /// Retries, caps and limits.
    pub policy: Policy,
    /// Whether there is a network when Servo starts.
    pub online_at_start: bool,
    /// What origins may do, as [`BackgroundSyncManager::set_permission`] says it, but known before the first stored
    /// registration is judged by it.
    pub permissions: Vec<OriginPermission>,
    /// Who decides about all other origins.
    pub other_origins: OtherOrigins,
    /// What becomes of registrations, their journal and their workers when Servo ends.
    pub lifetime: StorageLifetime,
    /// When what pages store in IndexedDB, `localStorage` and cookies is on the medium. Counts also without Background
    /// Sync.
    pub storage_durability: StorageDurability,
}

/// How long something is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StorageLifetime {
    /// As long as other site data: in files of `Opts::config_dir`, but in memory if there is none, or if
    /// `Opts::temporary_storage` is set.
    #[default]
    Profile,
    /// In memory, whatever those say, and so are cookies, HTTP logins and HSTS. Servo has files in `Opts::config_dir` all
    /// the same, for IndexedDB say.
    Run,
}

/// Whether an origin may do something.
#[derive(Clone, Debug)]
pub struct OriginPermission {
    /// The origin, as any URL of it.
    pub origin: Url,
    /// What.
    pub name: PermissionName,
    /// Whether it may.
    pub permission: Permission,
}

impl BackgroundSyncOptions {
    /// Where what outlives the run is kept.
    fn directory<'d>(&self, directory: Option<&'d Path>) -> Option<&'d Path> {
        directory.filter(|_| self.lifetime == StorageLifetime::Profile)
    }

    fn to_config(&self, directory: Option<&Path>) -> Config {
        Config {
            policy: self.policy.clone(),
            storage: match directory {
                Some(directory) => Storage::Directory(directory.join("background_sync")),
                None => Storage::Memory,
            },
            connectivity: online_state::connectivity(self.online_at_start),
        }
    }
}

impl Default for BackgroundSyncOptions {
    fn default() -> Self {
        Self {
            policy: Policy::standard(),
            online_at_start: true,
            permissions: Vec::new(),
            other_origins: OtherOrigins::default(),
            lifetime: StorageLifetime::default(),
            storage_durability: StorageDurability::default(),
        }
    }
}

/// The sync registrations of a running Servo: lists, explains, dispatches and removes them.
///
/// The methods that return a value wait for the SyncManager thread, which takes microseconds unless the machine is
/// overloaded. Private windows have no sync registrations.
pub struct BackgroundSyncManager {
    thread: RefCell<Option<SyncManagerThread>>,
    control: SyncManagerControl,
    permissions: Permissions,
    constellation: ConstellationProxy,
    for_embedder: Receiver<ToEmbedder>,
    #[cfg(feature = "offline")]
    to_embedder: EmbedderThread,
    #[cfg(feature = "offline")]
    notifications: NotificationManager,
}

impl BackgroundSyncManager {
    /// All sync registrations, with their state. Empty while Servo shuts down.
    pub fn registrations(&self) -> Vec<RegistrationInfo> {
        self.control.list().wait().unwrap_or_default()
    }

    /// Answers "why has this not fired?" about what this API registered, and tells what happened to it last. The APIs
    /// share no namespace: a tag may be registered with each of them. `None` while Servo shuts down.
    pub fn why_not_fired(&self, api: SyncApi, scope: &ScopeKey, tag: &Tag) -> Option<WhyReport> {
        let report = self.control.why_not_fired(api, scope.clone(), tag.clone());
        report.wait().ok()
    }

    /// Fires a registration's event now, whatever it waits for: the network, its back-off, its interval, its turn. What
    /// follows is as always; of a periodic registration, the next interval begins now, for it and for its origin. The
    /// returned value tells the outcome; it can be dropped.
    pub fn dispatch_now(
        &self,
        api: SyncApi,
        scope: &ScopeKey,
        tag: &Tag,
    ) -> Reply<Result<EventOutcome, DispatchError>> {
        self.control.dispatch_now(api, scope.clone(), tag.clone())
    }

    /// Removes a registration, durably, also one that is firing. Returns how many there were: 0 or 1.
    ///
    /// # Errors
    /// [`RemoveError`] if it could not be stored, or Servo shuts down.
    pub fn unregister(
        &self,
        api: SyncApi,
        scope: &ScopeKey,
        tag: &Tag,
    ) -> Result<u64, RemoveError> {
        let removed = self.control.unregister(api, scope.clone(), tag.clone());
        removed.wait().unwrap_or(Err(RemoveError::ShuttingDown))
    }

    /// Removes the registrations of sites (eTLD+1), durably, also those that are firing.
    /// [`SiteDataManager::clear_site_data`](crate::SiteDataManager::clear_site_data) does it too, with
    /// [`StorageType::BackgroundSync`](crate::StorageType::BackgroundSync).
    pub fn clear_for_sites(&self, sites: &[&str]) {
        clear_for_sites(&self.control, sites);
    }

    /// When the next event is due, for a device that wants to sleep until then; `None` if nothing is.
    pub fn next_wakeup(&self) -> Option<Duration> {
        self.control.next_wakeup().wait().ok().flatten()
    }

    /// What has happened to registrations, as far as the journal goes back.
    pub fn journal(&self, query: JournalQuery) -> Vec<JournalEntry> {
        self.control.journal(query).wait().unwrap_or_default()
    }

    /// Allows or forbids an origin to use one-shot sync, which is allowed by default, or periodic sync or notifications,
    /// which are not.
    /// Takes effect at once: forbidding removes what an origin has registered, durably. Not stored itself: set it again
    /// at the next start, before pages are loaded. About an origin for which it is not set,
    /// [`ServoDelegate::request_background_sync_permission`] is asked.
    pub fn set_permission(&self, origin: &Url, name: PermissionName, permission: Permission) {
        let serialized = serialize(origin);
        self.permissions.set(serialized.clone(), name, permission);
        self.follow_permission(serialized, name, permission);
        let origin = ServoUrl::from_url(origin.clone()).origin();
        let news = EmbedderNews::SyncPermission(origin, name, permission);
        self.constellation
            .send(EmbedderToConstellationMessage::BackgroundSync(
                BackgroundSyncToConstellationMessage::PermissionChanged(news),
            ));
    }

    fn follow_permission(&self, origin: String, name: PermissionName, permission: Permission) {
        if name == PermissionName::Notifications {
            #[cfg(feature = "offline")]
            if permission == Permission::Denied {
                self.to_embedder
                    .send(ToEmbedder::NotificationsForbidden(origin));
            }
            return;
        }
        if permission == Permission::Denied
            && let Ok(origin) = Origin::try_from(origin)
        {
            self.control.report_permission_revoked(origin, name);
        }
    }

    /// Sets what is added to the least interval between an origin's periodic events, for instance by how much its user
    /// cares for it; [`ExtraInterval::Never`] suspends them until another amount is set. Stored, and kept when the
    /// origin's data are cleared. Does nothing for a URL without an origin of its own, such as `data:`.
    pub fn set_extra_interval(&self, origin: &Url, extra: ExtraInterval) {
        let origin = origin.origin();
        if origin.is_tuple()
            && let Ok(origin) = Origin::try_from(origin.ascii_serialization())
        {
            self.control.set_extra_interval(origin, extra);
        }
    }

    #[cfg(feature = "offline")]
    pub(crate) fn notifications(&self) -> &NotificationManager {
        &self.notifications
    }

    pub(crate) fn control(&self) -> SyncManagerControl {
        self.control.clone()
    }

    /// Starts the thread, with these stores. Notifications are kept in `directory` if the options allow it.
    pub(crate) fn start(
        options: &BackgroundSyncOptions,
        stores: OpeningStores,
        directory: Option<&Path>,
        constellation: ConstellationProxy,
        core_resource_thread: CoreResourceThread,
        waker: Box<dyn EventLoopWaker>,
    ) -> (Self, GenericSender<BackgroundSyncMessage>) {
        let (sender, receiver) =
            generic_channel::channel().expect("a channel can be made while Servo starts");
        let messages = receiver.route_preserving_errors();
        let (sender_to_embedder, for_embedder) = unbounded();
        let online = online_state::change(options.online_at_start);
        constellation.send(EmbedderToConstellationMessage::OnlineChanged(online));
        let directory = options.directory(directory);
        let permissions = Permissions::new(options.other_origins);
        for entry in &options.permissions {
            permissions.set(serialize(&entry.origin), entry.name, entry.permission);
        }
        let embedder = EmbedderThread {
            sender: sender_to_embedder,
            waker,
        };
        #[cfg(feature = "offline")]
        let notifications = NotificationManager::start(
            directory.map(|it| it.join("notifications")).as_deref(),
            permissions.clone(),
            constellation.clone(),
        );
        #[cfg(feature = "offline")]
        let to_embedder = embedder.clone();
        let to_constellation = constellation.clone();
        let engine = ServoEngine {
            constellation,
            permissions: permissions.clone(),
            embedder: embedder.clone(),
            core_resource_thread,
            has_barrier: options.storage_durability != StorageDurability::Relaxed,
            reports: sender.clone(),
            open_windows: OpenWindows::default(),
            worker_managers: WorkerManagers::default(),
            direct_events: DirectEvents::new(),
        };
        let started = stores.finish().and_then(|stores| {
            stores.spawn(messages.clone(), Box::new(engine), Box::new(embedder))
        });
        let thread = started.unwrap_or_else(|reason| {
            error!("Background Sync is not available: {reason}");
            SyncManager::spawn_unavailable(&reason, messages)
        });
        // Before there is a page.
        tell_known_workers(&thread, &to_constellation);
        let background_sync = Self {
            control: thread.control(),
            thread: RefCell::new(Some(thread)),
            permissions,
            constellation: to_constellation,
            for_embedder,
            #[cfg(feature = "offline")]
            to_embedder,
            #[cfg(feature = "offline")]
            notifications,
        };
        // What an origin had registered before it was forbidden goes.
        for entry in &options.permissions {
            let origin = serialize(&entry.origin);
            background_sync.follow_permission(origin, entry.name, entry.permission);
        }
        (background_sync, sender)
    }

    /// Tells and asks the embedder what has come up.
    pub(crate) fn call_delegate(&self, delegate: &dyn ServoDelegate) {
        for message in self.for_embedder.try_iter() {
            match message {
                ToEmbedder::Notifications(notifications) => {
                    for notification in notifications {
                        delegate.notify_background_sync(notification);
                    }
                }
                ToEmbedder::PermissionRequest(request) => {
                    delegate.request_background_sync_permission(request);
                }
                #[cfg(feature = "offline")]
                ToEmbedder::NotificationsForbidden(origin) => {
                    self.notifications.forbid(&origin, delegate);
                }
            }
        }
    }

    /// Ends the thread once everything that it has promised is stored.
    pub(crate) fn shutdown(&self) {
        if let Some(thread) = self.thread.borrow_mut().take() {
            thread.shutdown();
        }
        #[cfg(feature = "offline")]
        self.notifications.shutdown();
    }
}

/// The workers that earlier runs have left.
fn tell_known_workers(thread: &SyncManagerThread, constellation: &ConstellationProxy) {
    let known = thread.known_workers().to_vec();
    if !known.is_empty() {
        constellation.send(EmbedderToConstellationMessage::BackgroundSync(
            BackgroundSyncToConstellationMessage::KnownWorkers(known),
        ));
    }
}

/// The origin of a URL, as the key of [`Permissions`].
fn serialize(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// Removes the registrations of sites and waits until that is durable.
pub(crate) fn clear_for_sites(control: &SyncManagerControl, sites: &[&str]) {
    let answers: Vec<_> = sites
        .iter()
        .map(|site| control.clear(Clear::Site((*site).to_owned())))
        .collect();
    for answer in answers {
        if let Ok(Err(error)) = answer.wait() {
            error!("The sync registrations of a site were not removed: {error}");
        }
    }
}

/// The origins that have sync registrations.
pub(crate) fn origins(control: &SyncManagerControl) -> Vec<String> {
    let registrations = control.list().wait().unwrap_or_default();
    registrations
        .into_iter()
        .map(|registration| registration.scope.origin.as_str().to_owned())
        .collect()
}
