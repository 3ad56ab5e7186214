//! What pages, users and embedders ask for.

use background_sync_core::*;

use super::World;
use crate::checks::{Key, Wish};
use crate::parts::scopes;

impl World {
    pub(super) fn key(&mut self) -> Key {
        let scope = self.dice.pick(&[0, 1, 2, 3]).unwrap();
        let tag = self.dice.pick(&["x", "y"]).unwrap();
        let apis = [SyncApi::Periodic, SyncApi::Explainer];
        let api = self.dice.pick(&apis).unwrap();
        (api, scopes()[scope].clone(), Tag::try_from(tag).unwrap())
    }

    fn call(&mut self) -> Call {
        self.next_call += 1;
        Call(self.next_call)
    }

    pub(super) fn register(&mut self) {
        let key = self.key();
        let call = self.call();
        let interval_ms = self.dice.below(3) * 20_000;
        let repeats = key.0 == SyncApi::Periodic || self.dice.percent(40);
        let facts = ClientFacts {
            active_worker: !self.dice.percent(3),
            permission: Permission::Granted,
            open_window: !self.dice.percent(3),
            caller: Caller::Page,
        };
        self.log(|| format!("register {call:?} {key:?} {repeats} {interval_ms} {facts:?}"));
        let wish = Wish {
            call: call.0,
            repeats,
            interval_ms,
            since: self.sun,
        };
        self.checks.register_called(call, key.clone(), wish);
        self.unacknowledged.push(call);
        let (api, scope, tag) = key;
        if api == SyncApi::Periodic {
            return self.scheduler.handle_register_periodic(
                self.now,
                call,
                &scope,
                Ok(tag),
                interval_ms,
                facts,
            );
        }
        let options = ExplainerOptions {
            recurrence: if repeats {
                Recurrence::Repeating
            } else {
                Recurrence::Once
            },
            min_interval_ms: (interval_ms > 0).then_some(interval_ms),
            data: call.0.to_string().as_str().try_into().unwrap(),
            ..ExplainerOptions::default()
        };
        let (now, options) = (self.now, Ok(options));
        self.scheduler
            .handle_register_explainer(now, call, &scope, Ok(tag), options, facts);
    }

    pub(super) fn other_call(&mut self) {
        let (api, scope, tag) = self.key();
        let call = self.call();
        self.checks.other_called(call);
        let now = self.now;
        let choice = self.dice.below(4);
        self.log(|| format!("other {choice} {call:?} {api:?} {scope} {tag:?}"));
        match choice {
            0 => self.scheduler.handle_get_tags_of(now, call, api, &scope),
            1 => self
                .scheduler
                .handle_unregister_tag(now, call, api, &scope, &tag),
            2 => self
                .scheduler
                .handle_unregister(now, call, api, &scope, &tag),
            _ => {
                self.checks.clear_origin(&scope.origin);
                self.scheduler
                    .handle_clear(now, call, |other| other.origin == scope.origin);
            }
        }
    }

    pub(super) fn dispatch_now(&mut self) {
        let key = self.key();
        let call = self.call();
        self.log(|| format!("dispatch now {call:?} {key:?}"));
        self.checks.dispatch_called(call, key.clone());
        let (api, scope, tag) = key;
        self.scheduler
            .handle_dispatch_now(self.now, call, api, &scope, &tag);
    }

    pub(super) fn set_extra(&mut self) {
        let origin = self.key().1.origin;
        let extra = match self.dice.below(4) {
            0 => ExtraInterval::Never,
            1 => ExtraInterval::Ms(25_000),
            _ => ExtraInterval::Ms(0),
        };
        self.set_extra_of(&origin, extra);
    }

    pub(super) fn set_extra_of(&mut self, origin: &Origin, extra: ExtraInterval) {
        self.log(|| format!("extra {origin} {extra:?}"));
        self.checks.set_extra(origin, extra, self.sun);
        self.scheduler
            .handle_extra_interval(self.now, origin, extra);
    }

    pub(super) fn revoke(&mut self) {
        let origin = self.key().1.origin;
        let names = [
            PermissionName::BackgroundSync,
            PermissionName::PeriodicBackgroundSync,
        ];
        let name = self.dice.pick(&names).unwrap();
        self.log(|| format!("revoke {origin} {name:?}"));
        self.scheduler
            .handle_permission_revoked(self.now, &origin, name);
    }
}
