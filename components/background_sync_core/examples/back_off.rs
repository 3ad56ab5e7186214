//! How a registration backs off: `cargo run -p background_sync_core --example back_off`. A page registers a sync while it
//! is offline, the network comes back, and the first attempts fail. Hours pass in no time: the scheduler is told what
//! time it is, and the host decides how fast that goes.

use background_sync_core::*;

const FAILURES: u32 = 7;

/// What surrounds a scheduler: a clock, a store that never fails, and a service worker that fails at first.
struct Host {
    scheduler: SyncScheduler,
    now: Now,
    delivered: bool,
}

impl Host {
    fn new() -> Self {
        let config = SchedulerConfig::new(Policy::standard(), Connectivity::Offline, 1);
        Self {
            scheduler: SyncScheduler::new(config),
            now: Now {
                wall: WallTime(1_700_000_000_000),
                mono: MonoTime(0),
            },
            delivered: false,
        }
    }

    fn say(&self, what: &str) {
        let seconds = self.now.mono.0 / 1_000;
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        println!("{hours:02}:{minutes:02}:{:02}  {what}", seconds % 60);
    }

    fn sleep_until(&mut self, later: MonoTime) {
        let slept_ms = later.ms_since(self.now.mono);
        self.now.wall = self.now.wall.after_ms(slept_ms);
        self.now.mono = later;
    }

    /// Carries out all that the scheduler has decided.
    fn carry_out(&mut self) {
        while let Some(output) = self.scheduler.poll_output() {
            match output {
                Output::Store { ticket, .. } => {
                    self.scheduler.handle_stored(self.now, ticket, Ok(()));
                }
                Output::Answer { call, answer } => {
                    self.say(&format!("the page is told: {answer:?}"));
                    self.scheduler.handle_acknowledged(self.now, call);
                }
                Output::CheckPermission { event, .. } => {
                    let granted = PermissionCheck::Answered(Permission::Granted);
                    self.scheduler.handle_permission(self.now, event, granted);
                }
                Output::Dispatch {
                    event,
                    tag,
                    attempt,
                    ..
                } => {
                    self.delivered = attempt > FAILURES;
                    let outcome = match self.delivered {
                        true => EventOutcome::Fulfilled,
                        false => EventOutcome::Rejected,
                    };
                    self.say(&format!("attempt {attempt} of “{tag}”: {outcome:?}"));
                    self.scheduler
                        .handle_event_finished(self.now, event, outcome);
                }
                Output::Terminate { .. } | Output::Notify(_) => {}
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut host = Host::new();
    let scope = ScopeKey {
        origin: Origin::try_from("https://shop.example")?,
        scope: ScopeUrl::try_from("https://shop.example/")?,
    };
    let facts = ClientFacts {
        active_worker: true,
        permission: Permission::Granted,
        open_window: true,
        caller: Caller::Page,
    };
    let tag = Tag::try_from("outbox");
    host.scheduler
        .handle_register(host.now, Call(1), &scope, tag, facts);
    host.carry_out();

    host.sleep_until(MonoTime(20 * 60 * 1_000));
    host.say("the network is back");
    host.scheduler
        .handle_connectivity(host.now, Connectivity::Online);
    host.carry_out();

    while let Some(due) = host.scheduler.poll_timeout() {
        host.sleep_until(due);
        host.scheduler.handle_timeout(host.now);
        host.carry_out();
    }
    match host.delivered {
        true => Ok(()),
        false => Err("the scheduler gave up too early".into()),
    }
}
