//! What the kiosk asks of the engine's background sync.

use serde_json::{Value, json};
use servo::background_sync::{
    ExtraInterval, OriginPermission, OtherOrigins, PermissionName, RegistrationInfo,
    StorageDurability, SyncApi, SyncNotification,
};
use servo::{
    BackgroundSyncManager, BackgroundSyncOptions, ConsoleLogLevel, Servo, ServoBuilder,
    ServoDelegate, StorageType, WebResourceLoad,
};
use url::Url;

pub use servo::background_sync::{
    EventOutcome, NextStep, Permission as SyncPermission, Policy, RegistrationState,
    StorageLifetime,
};

#[cfg(feature = "offline")]
use {
    super::notifications::NotificationSource,
    servo::WebView,
    servo::notifications::{NotificationId, WebNotification},
    servo::service_worker_windows::WindowRequest,
};

use super::delegate::State;
pub use super::sync_notice::SyncNotice;
use crate::command::{ExtraTime, PermissionState, SyncApiName, SyncPermissionName};
use crate::config::DurabilityName;
use crate::event::{ConsoleSource, Event, Network};
use crate::network_state::NetworkState;
use crate::permissions::{Grant, OriginPermissions};

/// The preference that turns the feature on.
pub const PREFERENCE: &str = "dom_background_sync_enabled";

/// For messages.
const IS_OFF: &str = "background sync is off";

/// Tells the engine, before it starts, how to retry, whether there is a network, what origins may do, and how long to
/// keep registrations, and when what pages store is on the medium.
pub fn configure(
    builder: ServoBuilder,
    policy: Policy,
    network: Network,
    permissions: &[OriginPermissions],
    (lifetime, durability): (StorageLifetime, DurabilityName),
) -> ServoBuilder {
    builder.background_sync(BackgroundSyncOptions {
        policy,
        online_at_start: network == Network::Up,
        permissions: permissions.iter().flat_map(permissions_of).collect(),
        // Nobody is there to be asked.
        other_origins: OtherOrigins::Default,
        lifetime,
        storage_durability: match durability {
            DurabilityName::Barrier => StorageDurability::Barrier,
            DurabilityName::Strict => StorageDurability::Strict,
            DurabilityName::Relaxed => StorageDurability::Relaxed,
        },
    })
}

fn permissions_of(entry: &OriginPermissions) -> Vec<OriginPermission> {
    let grants = [
        (PermissionName::BackgroundSync, entry.background_sync),
        (
            PermissionName::PeriodicBackgroundSync,
            entry.periodic_background_sync,
        ),
        (PermissionName::Notifications, entry.notifications),
    ];
    let set = grants.into_iter().filter_map(|(name, grant)| {
        Some(OriginPermission {
            origin: entry.origin.url().clone(),
            name,
            permission: match grant? {
                Grant::Granted => SyncPermission::Granted,
                Grant::Denied => SyncPermission::Denied,
            },
        })
    });
    set.collect()
}

/// Tells the engine from now on when the network comes or goes, on whichever thread that is noticed. `known`: with what
/// it was started.
pub fn report_network(servo: &Servo, known: Network, network: &NetworkState) {
    let reporter = servo.online_reporter();
    network.connect(known, move |is_up| reporter.report(is_up));
}

/// The sync registrations, as JSON.
pub fn list(servo: &Servo) -> Value {
    let Some(manager) = servo.background_sync_manager() else {
        return json!([]);
    };
    let registrations = manager.registrations().into_iter().map(|registration| {
        let state = match registration.state {
            RegistrationState::Pending => "pending",
            RegistrationState::Waiting => "waiting",
            RegistrationState::Firing => "firing",
            RegistrationState::ReregisteredWhileFiring => "reregistered-while-firing",
        };
        json!({"scope": registration.scope.scope.as_str(), "tag": registration.tag.to_string_lossy(), "state": state})
    });
    registrations.collect()
}

/// Clears the sync registrations of a site, as a person does who clears its data.
pub fn clear(servo: &Servo, site: &str) {
    servo
        .site_data_manager()
        .clear_site_data(&[site], StorageType::BackgroundSync);
}

/// Allows or forbids the origin of `url` to use background sync, one-shot and periodic.
pub fn permit(servo: &Servo, url: &Url, permission: SyncPermission) {
    if let Some(manager) = servo.background_sync_manager() {
        for name in [
            PermissionName::BackgroundSync,
            PermissionName::PeriodicBackgroundSync,
        ] {
            manager.set_permission(url, name, permission);
        }
    }
}

/// Sets one permission of the origin of `url`. Not decided is as by default: one-shot sync yes, periodic sync and
/// notifications no.
pub fn set_permission(servo: &Servo, url: &Url, name: SyncPermissionName, state: PermissionState) {
    let Some(manager) = servo.background_sync_manager() else {
        return;
    };
    let name = match name {
        SyncPermissionName::BackgroundSync => PermissionName::BackgroundSync,
        SyncPermissionName::PeriodicBackgroundSync => PermissionName::PeriodicBackgroundSync,
        SyncPermissionName::Notifications => PermissionName::Notifications,
    };
    let permission = match (state, name) {
        (PermissionState::Granted, _)
        | (PermissionState::Prompt, PermissionName::BackgroundSync) => SyncPermission::Granted,
        (PermissionState::Denied | PermissionState::Prompt, _) => SyncPermission::Denied,
    };
    manager.set_permission(url, name, permission);
}

/// Fires the event of a periodic registration now, whatever its interval.
///
/// # Errors
/// If there is no such registration.
pub fn fire_periodic(servo: &Servo, scope: &str, tag: &str) -> Result<(), String> {
    let manager = servo.background_sync_manager().ok_or(IS_OFF)?;
    let registration = find(manager, SyncApi::Periodic, scope, tag)?;
    // Its outcome comes as a notice, like any other.
    drop(manager.dispatch_now(SyncApi::Periodic, &registration.scope, &registration.tag));
    Ok(())
}

/// Removes a registration.
///
/// # Errors
/// If there is none, or it can't be removed.
pub fn unregister(servo: &Servo, api: SyncApiName, scope: &str, tag: &str) -> Result<(), String> {
    let manager = servo.background_sync_manager().ok_or(IS_OFF)?;
    let api = match api {
        SyncApiName::OneShot => SyncApi::OneShot,
        SyncApiName::Periodic => SyncApi::Periodic,
        SyncApiName::Explainer => SyncApi::Explainer,
    };
    let registration = find(manager, api, scope, tag)?;
    manager
        .unregister(api, &registration.scope, &registration.tag)
        .map_err(|error| error.to_string())?;
    Ok(())
}

/// Sets what is added to the least interval between periodic events of the origin of `url`.
pub fn set_extra_interval(servo: &Servo, url: &Url, extra: ExtraTime) {
    if let Some(manager) = servo.background_sync_manager() {
        let extra = match extra {
            ExtraTime::Ms(extra_ms) => ExtraInterval::Ms(extra_ms),
            ExtraTime::Never => ExtraInterval::Never,
        };
        manager.set_extra_interval(url, extra);
    }
}

/// The registration with this tag.
fn find(
    manager: &BackgroundSyncManager,
    api: SyncApi,
    scope: &str,
    tag: &str,
) -> Result<RegistrationInfo, String> {
    let mut registrations = manager.registrations().into_iter();
    registrations
        .find(|registration| {
            registration.api == api
                && registration.scope.scope.as_str() == scope
                && registration.tag.to_string_lossy() == tag
        })
        .ok_or_else(|| format!("there is no such registration `{tag}` of {scope}"))
}

impl ServoDelegate for State {
    fn load_web_resource(&self, load: WebResourceLoad) {
        self.refuse_if_offline(None, load);
    }

    fn show_console_message(&self, level: ConsoleLogLevel, message: String) {
        self.push(Event::Console(ConsoleSource::Worker, level, message));
    }

    fn notify_background_sync(&self, notification: SyncNotification) {
        self.push(Event::Sync(notification));
    }

    #[cfg(feature = "offline")]
    fn show_web_notification(&self, notification: WebNotification) {
        self.show_notification_card(notification, NotificationSource::ThisRun);
    }

    #[cfg(feature = "offline")]
    fn close_web_notification(&self, id: NotificationId) {
        self.close_notification_card(id);
    }

    #[cfg(feature = "offline")]
    fn request_window(&self, request: WindowRequest) {
        self.want_window(request);
    }

    #[cfg(feature = "offline")]
    fn focus_window(&self, webview: WebView) -> bool {
        self.raise_window();
        webview.set_focused(true);
        true
    }
}
