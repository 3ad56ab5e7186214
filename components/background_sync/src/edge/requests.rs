//! What can be read from a client's request alone, without looking at any state.

use background_sync_core::{
    ExplainerOptions, Permission, PermissionName, Recurrence, RegisterError, StorageProblem,
    SyncApi, Tag, Unavailability, UnregisterError,
};
use background_sync_traits::{SyncRequest, SyncResponse};

/// Which permission a call needs.
pub(crate) fn permission_for(request: &SyncRequest) -> PermissionName {
    match request {
        SyncRequest::RegisterPeriodic { .. } => PermissionName::PeriodicBackgroundSync,
        SyncRequest::RegisterExplainer {
            options: Ok(options),
            ..
        } if options.recurrence == Recurrence::Repeating => PermissionName::PeriodicBackgroundSync,
        SyncRequest::QueryPermission { name } => *name,
        _ => PermissionName::BackgroundSync,
    }
}

/// Whether the engine is asked about the client of a call. One without an active worker, the first of the specification's
/// checks, is refused in any case, but for the explainer's, whose event then waits.
pub(crate) fn needs_engine(request: &SyncRequest) -> bool {
    match request {
        SyncRequest::Register { active_worker, .. }
        | SyncRequest::RegisterPeriodic { active_worker, .. } => *active_worker,
        SyncRequest::RegisterExplainer { .. } | SyncRequest::QueryPermission { .. } => true,
        _ => false,
    }
}

/// Whether a call registers something.
pub(crate) fn registers(request: &SyncRequest) -> bool {
    matches!(
        request,
        SyncRequest::Register { .. }
            | SyncRequest::RegisterPeriodic { .. }
            | SyncRequest::RegisterExplainer { .. }
    )
}

/// What a call changes; there is no tag if it is too long for one. `None`: it changes nothing.
pub(crate) fn subject(request: &SyncRequest) -> Option<(SyncApi, Option<&Tag>)> {
    match request {
        SyncRequest::Register { tag, .. } => Some((SyncApi::OneShot, tag.as_ref().ok())),
        SyncRequest::RegisterPeriodic { tag, .. } => Some((SyncApi::Periodic, tag.as_ref().ok())),
        SyncRequest::RegisterExplainer { id, .. } => Some((SyncApi::Explainer, id.as_ref().ok())),
        SyncRequest::UnregisterPeriodic { tag } => Some((SyncApi::Periodic, Some(tag))),
        SyncRequest::UnregisterExplainer { id } => Some((SyncApi::Explainer, Some(id))),
        SyncRequest::GetTags
        | SyncRequest::GetPeriodicTags
        | SyncRequest::GetExplainerIds
        | SyncRequest::QueryPermission { .. } => None,
    }
}

/// What is wrong when a call can't be done.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hindrance {
    Storage(StorageProblem),
    Unavailable(Unavailability),
}

/// The answer to a call that can't be done.
pub(crate) fn refuse(request: &SyncRequest, hindrance: Hindrance) -> SyncResponse {
    match request {
        SyncRequest::Register { .. }
        | SyncRequest::RegisterPeriodic { .. }
        | SyncRequest::RegisterExplainer { .. } => SyncResponse::Registered(Err(match hindrance {
            Hindrance::Storage(problem) => RegisterError::Storage { problem },
            Hindrance::Unavailable(why) => RegisterError::Unavailable { why },
        })),
        SyncRequest::UnregisterPeriodic { .. } | SyncRequest::UnregisterExplainer { .. } => {
            SyncResponse::Unregistered(Err(match hindrance {
                Hindrance::Storage(problem) => UnregisterError::Storage { problem },
                Hindrance::Unavailable(why) => UnregisterError::Unavailable { why },
            }))
        }
        SyncRequest::GetTags | SyncRequest::GetPeriodicTags | SyncRequest::GetExplainerIds => {
            SyncResponse::Tags(Vec::new())
        }
        SyncRequest::QueryPermission { .. } => SyncResponse::Permission(Permission::Denied),
    }
}

/// Text that a call brings, in UTF-8 bytes.
pub(crate) fn text_bytes(request: &SyncRequest) -> u64 {
    match request {
        SyncRequest::RegisterExplainer { id, options, .. } => {
            let options = options.as_ref().map_or(0, ExplainerOptions::text_bytes);
            options + id.as_ref().map_or(0, length)
        }
        SyncRequest::Register { tag, .. } | SyncRequest::RegisterPeriodic { tag, .. } => {
            tag.as_ref().map_or(0, length)
        }
        SyncRequest::UnregisterPeriodic { tag: id } | SyncRequest::UnregisterExplainer { id } => {
            length(id)
        }
        _ => 0,
    }
}

fn length(tag: &Tag) -> u64 {
    u64::try_from(tag.as_wtf8().len()).unwrap_or(u64::MAX)
}
