//! Everything around the scheduler, and the steps that happen to it.

use std::collections::{BTreeSet, VecDeque};

use background_sync_core::*;

use crate::checks::Checks;
use crate::parts::{Dice, Disk, History, forward, random_policy, scopes};

pub struct World {
    pub dice: Dice,
    pub policy: Policy,
    scheduler: SyncScheduler,
    pub now: Now,
    pub connectivity: Connectivity,
    pub disk: Disk,
    /// Asked for, not committed.
    in_flight: VecDeque<(Ticket, StoreOp)>,
    permission_checks: Vec<(EventId, ScopeKey)>,
    /// Calls of `register()` whose promise is resolved or may be soon.
    unacknowledged: BTreeSet<Call>,
    next_call: u64,
    checks: Checks,
    trace: bool,
    pub history: History,
    /// At the end nothing goes wrong any more.
    friendly: bool,
}

impl World {
    pub fn new(seed: u64, trace: bool) -> Self {
        let mut dice = Dice(seed);
        let policy = random_policy(&mut dice);
        let connectivity = Connectivity::Offline;
        let config = SchedulerConfig::new(policy.clone(), connectivity, seed);
        Self {
            dice,
            scheduler: SyncScheduler::new(config),
            now: Now {
                wall: WallTime(1_600_000_000_000),
                mono: MonoTime(1_000),
            },
            connectivity,
            disk: Disk::default(),
            in_flight: VecDeque::new(),
            permission_checks: Vec::new(),
            unacknowledged: BTreeSet::new(),
            next_call: 0,
            checks: Checks::new(policy.clone()),
            policy,
            trace,
            history: History::default(),
            friendly: false,
        }
    }

    fn log(&mut self, what: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>8} {}", self.now.mono.0, what());
        }
    }

    pub fn step(&mut self) {
        match self.dice.below(100) {
            0..22 => self.register(),
            22..24 => self.get_tags(),
            24 => self.embedder(),
            25..37 => self.acknowledge(),
            37..52 => self.finish_event(),
            52..60 => self.answer_permission(),
            60..76 => self.commit(),
            76..80 => self.flip_network(),
            80..84 => self.worker_life(),
            84..96 => self.pass_time(),
            96..98 => self.jump_wall_clock(),
            _ => self.crash(),
        }
        self.pump();
        self.checks.after_step(
            self.now,
            &self.disk,
            self.scheduler.usage(),
            self.in_flight.len(),
        );
    }

    fn scope(&mut self) -> ScopeKey {
        let scopes = scopes();
        let index = self.dice.below(u64::try_from(scopes.len()).unwrap());
        scopes[usize::try_from(index).unwrap()].clone()
    }

    fn register(&mut self) {
        let scope = self.scope();
        let tag = self.tag();
        let facts = ClientFacts {
            active_worker: !self.dice.percent(3),
            permission: if self.dice.percent(3) {
                Permission::Denied
            } else {
                Permission::Granted
            },
            open_window: !self.dice.percent(3),
            caller: match self.dice.below(4) {
                0 => Caller::Page,
                1 => Caller::PromptedWorker,
                _ => Caller::Worker,
            },
        };
        self.next_call += 1;
        let call = Call(self.next_call);
        self.log(|| format!("register {call:?} {scope} {tag:?} {facts:?}"));
        self.checks
            .register_called(call, &scope, &tag, facts, self.now);
        self.scheduler
            .handle_register(self.now, call, &scope, Ok(tag), facts);
        self.unacknowledged.insert(call);
    }

    fn get_tags(&mut self) {
        let scope = self.scope();
        self.next_call += 1;
        let call = Call(self.next_call);
        self.checks.get_tags_called(call);
        self.scheduler.handle_get_tags(self.now, call, &scope);
    }

    fn embedder(&mut self) {
        let scope = self.scope();
        let tag = self.tag();
        self.next_call += 1;
        let call = Call(self.next_call);
        match self.dice.below(6) {
            0 => {
                self.log(|| format!("clear {call:?} {}", scope.origin));
                self.checks.embedder_called(call, None);
                self.checks.cleared(&scope.origin);
                self.scheduler
                    .handle_clear(self.now, call, |other| other.origin == scope.origin);
            }
            1 => {
                self.log(|| format!("unregister {call:?} {scope} {tag:?}"));
                self.checks.embedder_called(call, None);
                self.scheduler
                    .handle_unregister(self.now, call, SyncApi::OneShot, &scope, &tag);
            }
            _ => {
                self.log(|| format!("dispatch now {call:?} {scope} {tag:?}"));
                self.checks
                    .embedder_called(call, Some((scope.clone(), tag.clone())));
                let api = SyncApi::OneShot;
                self.scheduler
                    .handle_dispatch_now(self.now, call, api, &scope, &tag);
            }
        }
    }

    fn tag(&mut self) -> Tag {
        let index = usize::try_from(self.dice.below(3)).unwrap();
        Tag::try_from(["x", "y", ""][index]).unwrap()
    }

    fn acknowledge(&mut self) {
        let calls: Vec<_> = self.unacknowledged.iter().copied().collect();
        let Some(call) = self.dice.pick(&calls) else {
            return;
        };
        self.unacknowledged.remove(&call);
        self.log(|| format!("acknowledge {call:?}"));
        self.checks.acknowledged(call);
        self.scheduler.handle_acknowledged(self.now, call);
    }

    fn finish_event(&mut self) {
        let events = self.checks.running_events();
        let Some(event) = self.dice.pick(&events) else {
            return;
        };
        let Some(outcome) = self.dice.outcome(self.friendly) else {
            return;
        };
        self.log(|| format!("finish {event:?} {outcome:?}"));
        self.checks.finished(event, outcome, self.now);
        self.scheduler
            .handle_event_finished(self.now, event, outcome);
    }

    fn answer_permission(&mut self) {
        if self.permission_checks.is_empty() {
            return;
        }
        let index = self
            .dice
            .below(u64::try_from(self.permission_checks.len()).unwrap());
        let (event, _) = self
            .permission_checks
            .swap_remove(usize::try_from(index).unwrap());
        let check = match self.dice.below(20) {
            _ if self.friendly => PermissionCheck::Answered(Permission::Granted),
            0 => PermissionCheck::Answered(Permission::Denied),
            1 => PermissionCheck::Unanswered,
            _ => PermissionCheck::Answered(Permission::Granted),
        };
        self.log(|| format!("permission {event:?} {check:?}"));
        self.scheduler.handle_permission(self.now, event, check);
    }

    /// Commits some of what waits, or fails to.
    fn commit(&mut self) {
        let count = 1 + self.dice.below(4);
        let fails = !self.friendly && self.dice.percent(8);
        for _ in 0..count {
            let Some((ticket, op)) = self.in_flight.pop_front() else {
                return;
            };
            self.log(|| format!("commit {ticket:?} fails={fails} {op:?}"));
            let result = if fails {
                self.checks.failed_removals += usize::from(matches!(op, StoreOp::Remove(_)));
                Err(StoreFault::failed("fault"))
            } else {
                self.disk.apply(op);
                Ok(())
            };
            self.scheduler.handle_stored(self.now, ticket, result);
            self.pump();
        }
    }

    fn flip_network(&mut self) {
        self.connectivity = match self.connectivity {
            Connectivity::Online => Connectivity::Offline,
            Connectivity::Offline => Connectivity::Online,
        };
        let connectivity = self.connectivity;
        self.log(|| format!("{connectivity:?}"));
        self.checks.network_changed();
        self.scheduler.handle_connectivity(self.now, connectivity);
    }

    fn worker_life(&mut self) {
        let scope = self.scope();
        if self.dice.percent(80) {
            self.log(|| format!("activated {scope}"));
            self.checks.unparked(&scope);
            self.scheduler.handle_worker_activated(self.now, &scope);
        } else {
            self.log(|| format!("unregistered {scope}"));
            self.scheduler.handle_worker_unregistered(self.now, &scope);
        }
    }

    /// Deadlines are met; how late is the world's choice.
    fn pass_time(&mut self) {
        let until_deadline = self
            .scheduler
            .poll_timeout()
            .map(|at| at.ms_since(self.now.mono));
        let ms = match (self.dice.below(3), until_deadline) {
            (0, Some(ms)) => ms,
            (1, _) => self.dice.below(50),
            _ => self.dice.below(2_000),
        };
        let late_ms = if self.dice.percent(10) {
            self.dice.below(500)
        } else {
            0
        };
        let end = self.now.mono.after_ms(ms);
        while let Some(at) = self.scheduler.poll_timeout().filter(|&at| at <= end) {
            let at = at.max(self.now.mono).after_ms(late_ms);
            self.now = forward(self.now, at);
            self.log(|| "timeout".to_owned());
            self.scheduler.handle_timeout(self.now);
            self.pump();
        }
        if end > self.now.mono {
            self.now = forward(self.now, end);
        }
    }

    fn jump_wall_clock(&mut self) {
        let wall = match self.dice.below(4) {
            0 => 0,
            1 => self.now.wall.0.saturating_sub(self.dice.below(10_000_000)),
            2 => self.now.wall.0.saturating_add(self.dice.below(10_000_000)),
            _ => 1_600_000_000_000,
        };
        self.log(|| format!("the wall clock jumps to {wall}"));
        self.now.wall = WallTime(wall);
    }

    /// The power goes, at any point of a commit, and comes back.
    fn crash(&mut self) {
        let written = self
            .dice
            .below(u64::try_from(self.in_flight.len()).unwrap() + 1);
        for _ in 0..written {
            if let Some((_, op)) = self.in_flight.pop_front() {
                self.disk.apply(op);
            }
        }
        self.log(|| format!("crash, after {written} more operations"));
        self.in_flight.clear();
        self.permission_checks.clear();
        self.unacknowledged.clear();
        self.checks.crashed(&self.disk);
        self.now.mono = MonoTime(self.dice.below(10_000));
        let seed = self.dice.below(u64::MAX);
        let config = SchedulerConfig::new(self.policy.clone(), self.connectivity, seed);
        self.scheduler = self.disk.start(config, self.now);
    }

    /// Carries out what the scheduler wants.
    fn pump(&mut self) {
        while let Some(output) = self.scheduler.poll_output() {
            self.log(|| format!("    {output:?}"));
            self.history.note(&output);
            self.checks
                .output(&output, self.now, self.connectivity, &self.disk);
            match output {
                Output::Store { ticket, op, .. } => self.in_flight.push_back((ticket, op)),
                Output::CheckPermission { event, scope, .. } => {
                    self.permission_checks.push((event, scope));
                }
                Output::Answer { call, answer } => {
                    if !matches!(answer, Answer::Registered(Ok(()))) {
                        self.unacknowledged.remove(&call);
                    }
                }
                Output::Dispatch { .. } | Output::Terminate { .. } | Output::Notify(_) => {}
            }
        }
    }

    /// From now on all goes well: everything must be delivered and nothing may be left.
    pub fn end(&mut self) {
        self.friendly = true;
        if self.connectivity == Connectivity::Offline {
            self.flip_network();
        }
        for scope in scopes() {
            self.checks.unparked(&scope);
            self.scheduler.handle_worker_activated(self.now, &scope);
        }
        self.pump();
        // Each turn is a second or a deadline; the longest wait is one back-off with full jitter.
        for _ in 0..200 {
            while !(self.in_flight.is_empty()
                && self.permission_checks.is_empty()
                && self.unacknowledged.is_empty()
                && self.checks.running_events().is_empty())
            {
                self.commit();
                self.answer_permission();
                self.acknowledge();
                self.finish_event();
                self.pump();
            }
            self.checks
                .after_step(self.now, &self.disk, self.scheduler.usage(), 0);
            self.pass_time();
            self.pump();
        }
        self.checks.at_the_end();
        assert_eq!(self.scheduler.usage(), Usage::default(), "something leaked");
        assert!(
            self.disk.records.is_empty(),
            "still stored: {:?}",
            self.disk.records
        );
    }
}
