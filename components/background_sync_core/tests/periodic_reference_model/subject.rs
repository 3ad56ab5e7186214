//! The scheduler, with everything around it obeying at once.

use std::num::NonZeroU32;

use background_sync_core::*;

use crate::specification::*;

pub const EXTRA_OF_ORIGIN_1: ExtraInterval = ExtraInterval::Ms(1_500);

/// Most that a wake-up is put off for others, in milliseconds, where it is.
pub const GROUPING: u64 = 500;

pub struct Subject {
    pub scheduler: SyncScheduler,
    now: Now,
    next_call: u64,
    denied: Vec<usize>,
    answer: Option<Answer>,
    /// Events that were fired since somebody looked.
    pub fired: Vec<(EventId, Fired)>,
}

pub fn scope_key(scope: usize) -> ScopeKey {
    let origin = format!("https://{}.example", origin_of((scope, 0)));
    ScopeKey {
        scope: format!("{origin}/{scope}/").as_str().try_into().unwrap(),
        origin: origin.as_str().try_into().unwrap(),
    }
}

pub fn tag(tag: usize) -> Tag {
    tag.to_string().as_str().try_into().unwrap()
}

impl Subject {
    pub fn new(grouping_ms: u64) -> Self {
        let many = NonZeroU32::new(1_000).unwrap();
        let policy = Policy {
            periodic_interval_any_origin_ms: MINIMUM_INTERVAL_FOR_ANY_ORIGIN,
            periodic_interval_across_origins_ms: MINIMUM_INTERVAL_ACROSS_ORIGINS,
            periodic_grouping_ms: grouping_ms,
            periodic_max_attempts: NonZeroU32::new(MAX_ATTEMPTS).unwrap(),
            first_retry_delay_ms: BACK_OFF,
            retry_factor: NonZeroU32::MIN,
            retry_jitter_percent: 0,
            reconnect_brings_retries_forward: false,
            event_cap_ms: u64::MAX,
            max_events_in_all: many,
            max_events_per_origin: many,
            ..Policy::standard()
        };
        let mut subject = Self {
            scheduler: SyncScheduler::new(SchedulerConfig::new(policy, Connectivity::Offline, 1)),
            now: Now::default(),
            next_call: 0,
            denied: Vec::new(),
            answer: None,
            fired: Vec::new(),
        };
        subject.set_extra(1, EXTRA_OF_ORIGIN_1);
        subject
    }

    fn call(&mut self) -> Call {
        self.next_call += 1;
        Call(self.next_call)
    }

    fn take_answer(&mut self) -> Answer {
        self.pump();
        self.answer.take().expect("every call is answered")
    }

    pub fn register(
        &mut self,
        name: Name,
        min_interval_ms: u64,
        caller: CallingClient,
    ) -> Result<(), RegisterError> {
        let call = self.call();
        let permission = match self.denied.contains(&origin_of(name)) {
            true => Permission::Denied,
            false => Permission::Granted,
        };
        let facts = ClientFacts {
            active_worker: caller.active_worker,
            permission,
            open_window: caller.open_window,
            caller: Caller::Page,
        };
        let (scope, tag) = (scope_key(name.0), Ok(tag(name.1)));
        let (scheduler, now) = (&mut self.scheduler, self.now);
        scheduler.handle_register_periodic(now, call, &scope, tag, min_interval_ms, facts);
        match self.take_answer() {
            Answer::Registered(result) => result,
            other => panic!("{other:?}"),
        }
    }

    pub fn unregister(&mut self, name: Name) {
        let (call, api) = (self.call(), SyncApi::Periodic);
        let (scope, tag) = (scope_key(name.0), tag(name.1));
        self.scheduler
            .handle_unregister_tag(self.now, call, api, &scope, &tag);
        assert_eq!(self.take_answer(), Answer::Unregistered(Ok(())));
    }

    pub fn get_tags(&mut self, scope: usize) -> Vec<Tag> {
        let (call, api) = (self.call(), SyncApi::Periodic);
        let scope = scope_key(scope);
        self.scheduler
            .handle_get_tags_of(self.now, call, api, &scope);
        match self.take_answer() {
            Answer::Tags(tags) => tags,
            other => panic!("{other:?}"),
        }
    }

    pub fn revoke(&mut self, origin: usize) {
        self.denied.push(origin);
        let name = PermissionName::PeriodicBackgroundSync;
        let origin = scope_key(origin * 2).origin;
        self.scheduler
            .handle_permission_revoked(self.now, &origin, name);
        self.pump();
    }

    pub fn grant(&mut self, origin: usize) {
        self.denied.retain(|&denied| denied != origin);
    }

    pub fn set_extra(&mut self, origin: usize, extra: ExtraInterval) {
        let origin = scope_key(origin * 2).origin;
        self.scheduler
            .handle_extra_interval(self.now, &origin, extra);
        self.pump();
    }

    pub fn connect(&mut self, connectivity: Connectivity) {
        self.scheduler.handle_connectivity(self.now, connectivity);
        self.pump();
    }

    pub fn finish(&mut self, event: EventId, success: bool) {
        let outcome = match success {
            true => EventOutcome::Fulfilled,
            false => EventOutcome::Rejected,
        };
        self.scheduler
            .handle_event_finished(self.now, event, outcome);
        self.pump();
    }

    /// Lets time pass, and does what is due then.
    pub fn pass(&mut self, ms: u64) {
        self.now.mono = self.now.mono.after_ms(ms);
        self.now.wall = self.now.wall.after_ms(ms);
        let now = self.now.mono;
        while self.scheduler.poll_timeout().is_some_and(|at| at <= now) {
            self.scheduler.handle_timeout(self.now);
            self.pump();
        }
    }

    fn pump(&mut self) {
        while let Some(output) = self.scheduler.poll_output() {
            match output {
                Output::Store { ticket, .. } => {
                    self.scheduler.handle_stored(self.now, ticket, Ok(()));
                }
                Output::Answer { call, answer } => {
                    self.scheduler.handle_acknowledged(self.now, call);
                    assert_eq!(self.answer.replace(answer), None);
                }
                Output::CheckPermission { event, .. } => {
                    let check = PermissionCheck::Answered(Permission::Granted);
                    self.scheduler.handle_permission(self.now, event, check);
                }
                Output::Dispatch {
                    event,
                    scope,
                    tag,
                    kind,
                    attempt,
                    ..
                } => {
                    assert_eq!(kind, EventKind::PeriodicSync);
                    let scope = (0..3).find(|&index| scope_key(index) == scope).unwrap();
                    let tag = tag.to_str().unwrap().parse().unwrap();
                    self.fired.push((event, ((scope, tag), attempt)));
                }
                Output::Terminate { .. } => panic!("there is no cap here"),
                Output::Notify(_) => {}
            }
        }
    }
}
