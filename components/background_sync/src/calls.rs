//! From a client's call to the scheduler.

use background_sync_core::{
    Call, Caller, ClientFacts, EventKind, Now, PermissionName, Recurrence, SyncApi, Tag,
};
use background_sync_traits::{SyncClient, SyncEventKind, SyncRequest, SyncResponse};

use crate::clients::order::Behind;
use crate::engine::Question;
use crate::manager::Manager;
use crate::{ClientState, ClientStateResponder};

/// Which permission a call needs.
fn permission_for(request: &SyncRequest) -> PermissionName {
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

/// Whether the engine is asked about the client of a call. `None`: the call does not depend on it. `Some(false)`:
/// it is refused in any case, because there is no active worker, the first of the specification's checks.
fn needs_client_state(request: &SyncRequest) -> Option<bool> {
    match request {
        SyncRequest::Register { active_worker, .. }
        | SyncRequest::RegisterPeriodic { active_worker, .. } => Some(*active_worker),
        // Without an active worker, its event waits.
        SyncRequest::RegisterExplainer { .. } | SyncRequest::QueryPermission { .. } => Some(true),
        _ => None,
    }
}

/// Whether the engine is asked.
pub(crate) fn needs_engine(request: &SyncRequest) -> bool {
    needs_client_state(request) == Some(true)
}

fn registers(request: &SyncRequest) -> bool {
    matches!(
        request,
        SyncRequest::Register { .. }
            | SyncRequest::RegisterPeriodic { .. }
            | SyncRequest::RegisterExplainer { .. }
    )
}

/// What to fire.
pub(crate) fn event_kind(kind: EventKind, tag: Tag, last_chance: bool) -> SyncEventKind {
    match kind {
        EventKind::Sync => SyncEventKind::Sync { tag, last_chance },
        EventKind::PeriodicSync => SyncEventKind::PeriodicSync { tag },
        EventKind::Explainer { data } => SyncEventKind::ExplainerSync {
            id: tag,
            data,
            last_chance,
        },
    }
}

impl<C: SyncClient> Manager<C> {
    /// Asks the engine, if the call needs that, or does it.
    pub(crate) fn start_call(&mut self, now: Now, call: Call) {
        let Some((_, request)) = self.clients.request(call) else {
            return;
        };
        if !self.clients.waits_behind(call, needs_engine(&request)) {
            self.start_call_now(now, call);
        }
    }

    /// The engine has answered a call: those behind it that don't wait for others go on.
    pub(crate) fn start_calls_behind(&mut self, now: Now, behind: Behind) {
        while let Some(call) = self.clients.next_behind(behind) {
            self.start_call_now(now, call);
        }
    }

    fn start_call_now(&mut self, now: Now, call: Call) {
        let Some((scope, request)) = self.clients.request(call) else {
            return;
        };
        match needs_client_state(&request) {
            // The open window is asked for at the time of the call: a count kept here would be
            // outdated.
            Some(true) => {
                self.clients.asking(call);
                if registers(&request) {
                    self.begin_barrier(now, call, &scope);
                }
                let question = Question::Register(call, permission_for(&request));
                let responder = ClientStateResponder::new(question, self.questions_out.clone());
                self.engine.query_client_state(&scope, responder);
            }
            Some(false) | None => self.do_call(now, call, ClientState::nothing_granted()),
        }
    }

    /// Hands a call to the scheduler. `state` counts for those that the engine was asked for.
    pub(crate) fn do_call(&mut self, now: Now, call: Call, state: ClientState) {
        let Some((scope, request)) = self.clients.request(call) else {
            return;
        };
        // What it takes to start the worker without a page was cleared, and is told again with this.
        if registers(&request) && self.workers.ask_again(&scope) {
            // Its scope was checked when its connection was opened.
            let _ = self.give_authority(scope.clone());
        }
        let is_unregistered = self.unregistered.contains(&scope);
        let facts = |active_worker, caller| ClientFacts {
            active_worker: active_worker && !is_unregistered,
            permission: state.permission_for(permission_for(&request)),
            open_window: state.open_window,
            caller,
        };
        let scheduler = &mut self.scheduler;
        match request.clone() {
            SyncRequest::Register {
                tag,
                active_worker,
                caller,
            } => {
                scheduler.handle_register(now, call, &scope, tag, facts(active_worker, caller));
            }
            SyncRequest::GetTags => scheduler.handle_get_tags(now, call, &scope),
            SyncRequest::RegisterPeriodic {
                tag,
                min_interval_ms,
                active_worker,
            } => {
                // Not looked at: what repeats is no link of a chain.
                let facts = facts(active_worker, Caller::Page);
                scheduler.handle_register_periodic(now, call, &scope, tag, min_interval_ms, facts);
            }
            SyncRequest::UnregisterPeriodic { tag } => {
                scheduler.handle_unregister_tag(now, call, SyncApi::Periodic, &scope, &tag);
            }
            SyncRequest::GetPeriodicTags => {
                scheduler.handle_get_tags_of(now, call, SyncApi::Periodic, &scope);
            }
            SyncRequest::RegisterExplainer {
                id,
                options,
                active_worker,
                caller,
            } => {
                let facts = facts(active_worker, caller);
                scheduler.handle_register_explainer(now, call, &scope, id, options, facts);
            }
            SyncRequest::UnregisterExplainer { id } => {
                scheduler.handle_unregister_tag(now, call, SyncApi::Explainer, &scope, &id);
            }
            SyncRequest::GetExplainerIds => {
                scheduler.handle_get_tags_of(now, call, SyncApi::Explainer, &scope);
            }
            SyncRequest::QueryPermission { name } => {
                let response = SyncResponse::Permission(state.permission_for(name));
                for call in self.clients.respond(call, response).acknowledged {
                    scheduler.handle_acknowledged(now, call);
                }
            }
        }
    }
}
