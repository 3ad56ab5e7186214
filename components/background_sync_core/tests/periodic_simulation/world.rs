//! Everything around the scheduler, and the steps that happen to it.

mod calls;

use std::collections::VecDeque;
use std::num::NonZeroU32;

use background_sync_core::*;

use crate::checks::Checks;
use crate::parts::{Dice, Disk, History, forward, scopes};

const ANY_MS: u64 = 10_000;
const START: u64 = 1_900_000_000_000;

pub struct World {
    dice: Dice,
    policy: Policy,
    scheduler: SyncScheduler,
    now: Now,
    /// What the time really is, in milliseconds.
    sun: u64,
    connectivity: Connectivity,
    disk: Disk,
    in_flight: VecDeque<(Ticket, StoreOp)>,
    permission_checks: Vec<EventId>,
    unacknowledged: Vec<Call>,
    next_call: u64,
    checks: Checks,
    trace: bool,
    pub history: History,
    friendly: bool,
}

/// Each of the intervals is the one that decides, in some of the worlds.
fn random_policy(dice: &mut Dice) -> Policy {
    let number = |n: u64| NonZeroU32::new(u32::try_from(n).unwrap()).unwrap();
    Policy {
        periodic_interval_any_origin_ms: ANY_MS,
        periodic_interval_across_origins_ms: ANY_MS + dice.below(3) * 10_000,
        periodic_grouping_ms: dice.below(2) * 1_000,
        periodic_max_attempts: number(1 + dice.below(3)),
        ..crate::parts::random_policy(dice)
    }
}

impl World {
    pub fn new(seed: u64, trace: bool) -> Self {
        let mut dice = Dice(seed);
        let policy = random_policy(&mut dice);
        let connectivity = Connectivity::Online;
        let config = SchedulerConfig::new(policy.clone(), connectivity, seed);
        let now = Now {
            wall: WallTime(START),
            mono: MonoTime(1_000),
        };
        let mut scheduler = SyncScheduler::new(config);
        scheduler.load(now, [], RegistrationId(1));
        Self {
            dice,
            scheduler,
            now,
            sun: START,
            connectivity,
            disk: Disk::default(),
            in_flight: VecDeque::new(),
            permission_checks: Vec::new(),
            unacknowledged: Vec::new(),
            next_call: 0,
            checks: Checks::new(policy.clone(), seed.is_multiple_of(2)),
            policy,
            trace,
            history: History::default(),
            friendly: false,
        }
    }

    fn log(&mut self, what: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>8} {}", self.sun - START, what());
        }
    }

    pub fn step(&mut self) {
        match self.dice.below(100) {
            0..14 => self.register(),
            14..16 => self.other_call(),
            16 => self.dispatch_now(),
            17..19 => self.set_extra(),
            19..29 => self.acknowledge(),
            29..41 => self.finish_event(),
            41..50 => self.answer_permission(),
            50..68 => self.commit(),
            68..71 => self.flip_network(),
            71..75 => self.activate(),
            75..95 => {
                let ms = 1 + self.dice.below(6_000);
                self.pass_time(ms);
            }
            95..97 => self.jump_wall_clock(),
            97 => self.revoke(),
            _ => self.crash(),
        }
        self.pump();
        self.check();
    }

    fn check(&self) {
        let (usage, in_flight) = (self.scheduler.usage(), self.in_flight.len());
        self.checks
            .after_step(self.now, &self.disk, usage, in_flight);
    }

    fn acknowledge(&mut self) {
        if self.unacknowledged.is_empty() {
            return;
        }
        let count = u64::try_from(self.unacknowledged.len()).unwrap();
        let index = usize::try_from(self.dice.below(count)).unwrap();
        let call = self.unacknowledged.swap_remove(index);
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
        self.checks.finished(event, outcome);
        self.scheduler
            .handle_event_finished(self.now, event, outcome);
    }

    fn answer_permission(&mut self) {
        if self.permission_checks.is_empty() {
            return;
        }
        let event = self.permission_checks.remove(0);
        let check = match self.dice.below(20) {
            _ if self.friendly => PermissionCheck::Answered(Permission::Granted),
            0 => PermissionCheck::Answered(Permission::Denied),
            1 => PermissionCheck::Unanswered,
            // Never.
            2 => return,
            _ => PermissionCheck::Answered(Permission::Granted),
        };
        self.log(|| format!("permission {event:?} {check:?}"));
        self.scheduler.handle_permission(self.now, event, check);
    }

    /// Commits some of what waits, or fails to.
    fn commit(&mut self) {
        let count = 1 + self.dice.below(5);
        let fails = !self.friendly && self.dice.percent(10);
        for _ in 0..count {
            let Some((ticket, op)) = self.in_flight.pop_front() else {
                return;
            };
            self.log(|| format!("commit {ticket:?} fails={fails} {op:?}"));
            let result = if fails {
                self.checks.faulted = true;
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
        self.scheduler.handle_connectivity(self.now, connectivity);
    }

    fn activate(&mut self) {
        let scope = self.key().1;
        self.log(|| format!("activated {scope}"));
        self.scheduler.handle_worker_activated(self.now, &scope);
    }

    fn pass_time(&mut self, ms: u64) {
        let end = self.now.mono.after_ms(ms);
        while let Some(at) = self.scheduler.poll_timeout().filter(|&at| at <= end) {
            self.move_clocks_to(at.max(self.now.mono));
            self.log(|| "timeout".to_owned());
            self.scheduler.handle_timeout(self.now);
            self.pump();
        }
        self.move_clocks_to(end);
    }

    fn move_clocks_to(&mut self, mono: MonoTime) {
        self.sun += mono.ms_since(self.now.mono);
        self.now = forward(self.now, mono);
    }

    fn jump_wall_clock(&mut self) {
        if self.checks.strict {
            return;
        }
        let wall = match self.dice.below(5) {
            0 => 0,
            1 => START - 10_000_000,
            2 => self.sun + 10_000_000,
            _ => self.sun,
        };
        self.log(|| format!("the wall clock jumps to {wall}"));
        self.now.wall = WallTime(wall);
    }

    /// The power goes, at any point of a commit, and comes back.
    fn crash(&mut self) {
        let count = u64::try_from(self.in_flight.len()).unwrap();
        let written = self.dice.below(count + 1);
        for _ in 0..written {
            if let Some((_, op)) = self.in_flight.pop_front() {
                self.disk.apply(op);
            }
        }
        let off_ms = self.dice.below(30_000);
        self.log(|| format!("crash, after {written} more operations; off for {off_ms} ms"));
        self.in_flight.clear();
        self.permission_checks.clear();
        self.unacknowledged.clear();
        self.checks.crashed(&self.disk);
        self.sun += off_ms;
        self.now = Now {
            wall: self.now.wall.after_ms(off_ms),
            mono: MonoTime(self.dice.below(10_000)),
        };
        let seed = self.dice.below(u64::MAX);
        let config = SchedulerConfig::new(self.policy.clone(), self.connectivity, seed);
        self.scheduler = self.disk.start(config, self.now);
    }

    /// Carries out what the scheduler wants.
    fn pump(&mut self) {
        while let Some(output) = self.scheduler.poll_output() {
            self.log(|| format!("    {output:?}"));
            self.history.note(&output);
            let online = self.connectivity == Connectivity::Online;
            self.checks
                .output(&output, self.now, self.sun, online, &self.disk);
            match output {
                Output::Store { ticket, op, .. } => self.in_flight.push_back((ticket, op)),
                Output::CheckPermission { event, .. } => self.permission_checks.push(event),
                _ => {}
            }
        }
        let list = self.scheduler.list(self.now);
        self.checks.look(list, self.sun, &self.disk);
    }

    /// From now on all goes well: what does not repeat is delivered, and what repeats goes on.
    pub fn end(&mut self) {
        self.friendly = true;
        if self.connectivity == Connectivity::Offline {
            self.flip_network();
        }
        for scope in scopes() {
            self.set_extra_of(&scope.origin, ExtraInterval::Ms(0));
            self.scheduler.handle_worker_activated(self.now, &scope);
        }
        self.pump();
        let since = self.sun;
        for _ in 0..150 {
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
            self.check();
            self.pass_time(1_000);
        }
        if self.trace {
            for info in self.scheduler.list(self.now) {
                println!("at the end: {info:?}");
            }
        }
        self.checks.at_the_end(since, &self.disk);
    }
}
