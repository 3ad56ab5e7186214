//! One device: the real scheduler, and a world that obeys it.

use std::collections::BTreeSet;

use background_sync_core::{
    Answer, Call, Caller, ClientFacts, Connectivity, EventId, EventOutcome, MonoTime, Now, Output,
    Permission, PermissionCheck, Policy, SchedulerConfig, ScopeKey, SyncScheduler, Tag, WallTime,
};

use crate::scenario::{DeviceChoices, Scenario};

/// When the network goes, by the wall clock.
const START: WallTime = WallTime(1_700_000_000_000);

/// What a device tells about itself. Times are milliseconds since the network went.
pub(crate) trait Observer {
    /// A request reaches the server.
    fn request(&mut self, at_ms: u64);
    /// The server has what a tag was registered for.
    fn delivered(&mut self, at_ms: u64);
}

/// Plays a device until nothing more is going to happen.
pub(crate) fn play(
    choices: &DeviceChoices,
    policy: &Policy,
    scope: &ScopeKey,
    observer: &mut impl Observer,
) {
    let config = SchedulerConfig::new(policy.clone(), Connectivity::Online, choices.scheduler_seed);
    let mut device = Device {
        scheduler: SyncScheduler::new(config),
        choices,
        rng: fastrand::Rng::with_seed(choices.request_seed),
        now_ms: 0,
        running: BTreeSet::new(),
        observer,
    };
    device
        .scheduler
        .handle_connectivity(device.now(), Connectivity::Offline);
    for (index, tag) in choices.tags.iter().enumerate() {
        device.advance(tag.registered_at_ms);
        device.register(scope, index);
    }
    device.advance(choices.back_at_ms);
    device
        .scheduler
        .handle_connectivity(device.now(), Connectivity::Online);
    device.advance(u64::MAX);
}

struct Device<'a, O> {
    scheduler: SyncScheduler,
    choices: &'a DeviceChoices,
    rng: fastrand::Rng,
    now_ms: u64,
    /// When they end, which, and how.
    running: BTreeSet<(u64, EventId, Delivery)>,
    observer: &'a mut O,
}

/// What the server makes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Delivery {
    Accepted,
    Refused,
}

impl<O: Observer> Device<'_, O> {
    fn now(&self) -> Now {
        Now {
            wall: START.after_ms(self.now_ms),
            mono: MonoTime(self.now_ms),
        }
    }

    /// The app registers a tag, whose name is its number.
    fn register(&mut self, scope: &ScopeKey, index: usize) {
        let facts = ClientFacts {
            active_worker: true,
            permission: Permission::Granted,
            open_window: true,
            caller: Caller::Page,
        };
        let call = Call(index as u64 + 1);
        let tag = Tag::try_from(index.to_string());
        self.scheduler
            .handle_register(self.now(), call, scope, tag, facts);
        self.obey();
    }

    /// Lets everything happen that happens until `end_ms`.
    fn advance(&mut self, end_ms: u64) {
        self.obey();
        loop {
            let timeout = self.scheduler.poll_timeout().map(|at| at.0);
            let finished = self.running.first().map(|&(at, ..)| at);
            let next = timeout.into_iter().chain(finished).min();
            let Some(at_ms) = next.filter(|&at| at <= end_ms) else {
                break;
            };
            self.now_ms = self.now_ms.max(at_ms);
            if finished == Some(at_ms)
                && let Some((_, event, delivery)) = self.running.pop_first()
            {
                self.finish(event, delivery);
            } else {
                self.scheduler.handle_timeout(self.now());
            }
            self.obey();
        }
        if end_ms != u64::MAX {
            self.now_ms = end_ms;
        }
    }

    fn finish(&mut self, event: EventId, delivery: Delivery) {
        let outcome = match delivery {
            Delivery::Accepted => {
                self.observer.delivered(self.now_ms);
                EventOutcome::Fulfilled
            }
            Delivery::Refused => EventOutcome::Rejected,
        };
        self.scheduler
            .handle_event_finished(self.now(), event, outcome);
    }

    /// Does what the scheduler decided.
    fn obey(&mut self) {
        while let Some(output) = self.scheduler.poll_output() {
            let now = self.now();
            match output {
                Output::Store { ticket, .. } => self.scheduler.handle_stored(now, ticket, Ok(())),
                Output::Answer {
                    call,
                    answer: Answer::Registered(Ok(())),
                } => self.scheduler.handle_acknowledged(now, call),
                Output::CheckPermission { event, .. } => {
                    let granted = PermissionCheck::Answered(Permission::Granted);
                    self.scheduler.handle_permission(now, event, granted);
                }
                Output::Dispatch {
                    event,
                    tag,
                    attempt,
                    ..
                } => self.send_request(event, &tag, attempt),
                // Nothing else is asked for here, and nobody watches.
                _ => {}
            }
        }
    }

    fn send_request(&mut self, event: EventId, tag: &Tag, attempt: u32) {
        self.observer.request(self.now_ms);
        let index: Option<usize> = tag.to_str().and_then(|tag| tag.parse().ok());
        let choices = index.and_then(|index| self.choices.tags.get(index));
        let refused = attempt == 1 && choices.is_some_and(|tag| tag.first_request_fails);
        let delivery = if refused {
            Delivery::Refused
        } else {
            Delivery::Accepted
        };
        let ends_ms = self.now_ms + self.rng.u64(Scenario::REQUEST_MS);
        self.running.insert((ends_ms, event, delivery));
    }
}
