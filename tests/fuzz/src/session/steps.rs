//! What each step of a session does.

use std::sync::atomic::Ordering;

use background_sync::{
    Clear, Connectivity, EventToken, ExtraInterval, PermissionName, SyncManagerMessage,
};
use background_sync_traits::{CallId, Caller, SyncRequest, TagTooLong};

use super::{IDS, Run, connection_id};
use crate::step::Step;
use crate::world;

impl Run {
    pub(super) fn take(&mut self, step: Step) {
        let step = match call(step) {
            Ok((id, call, request)) => {
                if let SyncRequest::RegisterExplainer { .. } = request {
                    // A new one replaces the old one.
                    self.engine.lock().removals = true;
                }
                return self.request(id, call, request);
            }
            Err(step) => step,
        };
        match step {
            Step::Connect { id, place } => self.connect(id % IDS, place),
            Step::Acknowledge { id, call } => self.send(SyncManagerMessage::Acknowledge {
                connection: connection_id(id % IDS),
                call: CallId(u64::from(call % IDS)),
            }),
            Step::Disconnect { id } => self.disconnect(id % IDS),
            Step::Finish { number, outcome } => self.finish(number, outcome.into()),
            Step::Forge { outcome } => self.send(SyncManagerMessage::EventFinished {
                event: EventToken::new(),
                outcome: outcome.into(),
            }),
            Step::RequestAuthority(place) => {
                self.send(SyncManagerMessage::RequestAuthority { scope: place.key() });
            }
            Step::WorkerActivated { place, authority } => {
                let (authority, scope) = (self.authority(place, authority), place.key());
                self.send(SyncManagerMessage::WorkerActivated { authority, scope });
            }
            Step::WorkerUnregistered { place, authority } => {
                self.engine.lock().removals = true;
                let (authority, scope) = (self.authority(place, authority), place.key());
                self.send(SyncManagerMessage::WorkerUnregistered { authority, scope });
            }
            Step::StoreWorker {
                place,
                authority,
                script,
            } => {
                let (authority, scope) = (self.authority(place, authority), place.key());
                self.send(SyncManagerMessage::StoreWorker {
                    authority,
                    scope,
                    worker: world::worker(&[script]),
                });
            }
            Step::Raw(bytes) => self.raw(&bytes),
            Step::Garbage => self
                .messages
                .send(Err("garbage"))
                .expect("the manager runs"),
            Step::Vanish { id } => self.vanish(id % IDS),
            Step::Engine(state) => self.engine.lock().answer = state.map(Into::into),
            Step::AnswerQuestion { number, state } => self.answer_question(number, state),
            Step::StoreFails(fails) => self.store_fails.store(fails, Ordering::Relaxed),
            step => self.embed(step),
        }
    }

    /// What the embedder does.
    fn embed(&mut self, step: Step) {
        let control = self.thread.control();
        match step {
            Step::Online(true) => control.report_connectivity(Connectivity::Online),
            Step::Online(false) => control.report_connectivity(Connectivity::Offline),
            Step::DispatchNow { api, place, tag } => {
                self.engine.lock().forced = true;
                let tag = world::tag(tag);
                self.dispatches
                    .push(control.dispatch_now(api.into(), place.key(), tag));
            }
            Step::Why { api, place, tag } => {
                let tag = world::tag(tag);
                self.reasons
                    .push(control.why_not_fired(api.into(), place.key(), tag));
            }
            Step::Unregister { api, place, tag } => {
                self.engine.lock().removals = true;
                let tag = world::tag(tag);
                self.removals
                    .push(control.unregister(api.into(), place.key(), tag));
            }
            Step::ClearOrigin(place) => {
                self.engine.lock().removals = true;
                self.removals
                    .push(control.clear(Clear::Origin(place.key().origin)));
            }
            Step::Revoke { place, periodic } => {
                self.engine.lock().removals = true;
                control.report_permission_revoked(place.key().origin, permission_name(periodic));
            }
            Step::ExtraInterval { place, ms } => {
                let extra = ms.map_or(ExtraInterval::Never, |ms| ExtraInterval::Ms(ms.into()));
                control.set_extra_interval(place.key().origin, extra);
            }
            _ => self.settle(),
        }
    }
}

/// What a client asks for, and as which call. The step itself if it is none.
fn call(step: Step) -> Result<(u8, u8, SyncRequest), Step> {
    Ok(match step {
        Step::Register {
            id,
            call,
            tag,
            inactive,
        } => {
            let request = SyncRequest::Register {
                tag: Ok(world::tag(tag)),
                active_worker: !inactive,
                caller: world::caller(call),
            };
            (id, call, request)
        }
        Step::RegisterTooLong { id, call, bytes } => {
            let request = SyncRequest::Register {
                tag: Err(TagTooLong { bytes }),
                active_worker: true,
                caller: Caller::Page,
            };
            (id, call, request)
        }
        Step::GetTags { id, call } => (id, call, SyncRequest::GetTags),
        Step::RegisterPeriodic {
            id,
            call,
            tag,
            interval_ms,
            inactive,
        } => {
            let request = SyncRequest::RegisterPeriodic {
                tag: Ok(world::tag(tag)),
                min_interval_ms: interval_ms.into(),
                active_worker: !inactive,
            };
            (id, call, request)
        }
        Step::UnregisterPeriodic { id, call, tag } => {
            let tag = world::tag(tag);
            (id, call, SyncRequest::UnregisterPeriodic { tag })
        }
        Step::GetPeriodicTags { id, call } => (id, call, SyncRequest::GetPeriodicTags),
        Step::RegisterExplainer {
            id,
            call,
            tag,
            options,
            inactive,
        } => {
            let request = SyncRequest::RegisterExplainer {
                id: Ok(world::tag(tag)),
                options: options.into(),
                active_worker: !inactive,
                caller: world::caller(call),
            };
            (id, call, request)
        }
        Step::UnregisterExplainer { id, call, tag } => {
            let tag = world::tag(tag);
            (id, call, SyncRequest::UnregisterExplainer { id: tag })
        }
        Step::GetExplainerIds { id, call } => (id, call, SyncRequest::GetExplainerIds),
        Step::QueryPermission { id, call, periodic } => {
            let name = permission_name(periodic);
            (id, call, SyncRequest::QueryPermission { name })
        }
        step => return Err(step),
    })
}

fn permission_name(periodic: bool) -> PermissionName {
    match periodic {
        true => PermissionName::PeriodicBackgroundSync,
        false => PermissionName::BackgroundSync,
    }
}
