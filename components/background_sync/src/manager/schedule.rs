//! From a client's call to the scheduler.

use background_sync_core::{Call, Caller, ClientFacts, Now, ScopeKey, SyncApi, SyncScheduler};
use background_sync_traits::SyncRequest;

/// Hands a call to the scheduler, with what is true of its client: `facts`, given what the client says of itself.
pub(super) fn schedule(
    scheduler: &mut SyncScheduler,
    now: Now,
    call: Call,
    scope: &ScopeKey,
    request: SyncRequest,
    facts: impl Fn(bool, Caller) -> ClientFacts,
) {
    match request {
        SyncRequest::Register {
            tag,
            active_worker,
            caller,
        } => scheduler.handle_register(now, call, scope, tag, facts(active_worker, caller)),
        SyncRequest::GetTags => scheduler.handle_get_tags(now, call, scope),
        SyncRequest::RegisterPeriodic {
            tag,
            min_interval_ms,
            active_worker,
        } => {
            // Not looked at: what repeats is no link of a chain.
            let facts = facts(active_worker, Caller::Page);
            scheduler.handle_register_periodic(now, call, scope, tag, min_interval_ms, facts);
        }
        SyncRequest::UnregisterPeriodic { tag } => {
            scheduler.handle_unregister_tag(now, call, SyncApi::Periodic, scope, &tag);
        }
        SyncRequest::GetPeriodicTags => {
            scheduler.handle_get_tags_of(now, call, SyncApi::Periodic, scope);
        }
        SyncRequest::RegisterExplainer {
            id,
            options,
            active_worker,
            caller,
        } => {
            let facts = facts(active_worker, caller);
            scheduler.handle_register_explainer(now, call, scope, id, options, facts);
        }
        SyncRequest::UnregisterExplainer { id } => {
            scheduler.handle_unregister_tag(now, call, SyncApi::Explainer, scope, &id);
        }
        SyncRequest::GetExplainerIds => {
            scheduler.handle_get_tags_of(now, call, SyncApi::Explainer, scope);
        }
        // The engine's answer is the answer.
        SyncRequest::QueryPermission { .. } => {}
    }
}
