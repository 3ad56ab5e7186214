/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! `background-sync` and `periodic-background-sync` in `navigator.permissions`. The embedder decides on them for an
//! origin, so the SyncManager thread is asked, not a web view.
//!
//! <https://wicg.github.io/background-sync/spec/#permissions-integration>

use background_sync_traits::{Permission, PermissionName as SyncPermissionName, SyncRequest};
use js::context::JSContext;
use log::debug;
use servo_config::pref;

use crate::dom::RootedPromise;
use crate::dom::backgroundsync::syncconnection::query_permission;
use crate::dom::bindings::codegen::Bindings::PermissionStatusBinding::{
    PermissionName, PermissionState,
};
use crate::dom::globalscope::GlobalScope;
use crate::dom::permissionstatus::PermissionStatus;

/// Resolves `promise` with `status` once the state of the permission is known. Returns whether `status` is about a
/// permission of Background Sync, and Background Sync is on: if not, nothing is done.
pub(crate) fn query(
    cx: &mut JSContext,
    global: &GlobalScope,
    status: &PermissionStatus,
    promise: &RootedPromise,
) -> bool {
    if !pref!(dom_background_sync_enabled) {
        return false;
    }
    let name = match status.get_query() {
        PermissionName::Background_sync => SyncPermissionName::BackgroundSync,
        PermissionName::Periodic_background_sync => SyncPermissionName::PeriodicBackgroundSync,
        _ => return false,
    };
    // https://w3c.github.io/permissions/#dfn-permission-state, step 2: nothing is granted to a non-secure context.
    let asked = if global.is_secure_context() {
        let request = SyncRequest::QueryPermission { name };
        query_permission(global, request, status, promise).map_err(|why| why.to_string())
    } else {
        Err("this is no secure context".to_owned())
    };
    if let Err(reason) = asked {
        debug!("{name:?} is denied: {reason}");
        settle_query(cx, promise, status, Permission::Denied);
    }
    true
}

/// The answer has come.
pub(crate) fn settle_query(
    cx: &mut JSContext,
    promise: &RootedPromise,
    status: &PermissionStatus,
    permission: Permission,
) {
    status.set_state(match permission {
        Permission::Granted => PermissionState::Granted,
        Permission::Denied => PermissionState::Denied,
    });
    promise.resolve_native(cx, status);
}
