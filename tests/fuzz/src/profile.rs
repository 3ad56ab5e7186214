//! A start with what a profile holds.

use std::sync::Arc;

use arbitrary::Arbitrary;
use background_sync::{Config, Connectivity, JournalQuery, MemoryStore, Silent, SyncManager};
use background_sync_core::{
    Call, Caller, ClientFacts, EventOutcome, MonoTime, Now, Output, Permission, PermissionCheck,
    Policy, RegistrationId, SchedulerConfig, StoreFault, StoreOp, StoredRegistration,
    SyncScheduler, WallTime,
};
use background_sync_store::{Durability, RegistrationStore};
use background_sync_traits::{CallId, ConnectionId, SyncManagerMessage, SyncRequest};
use crossbeam_channel::unbounded;

use crate::browser::{Client, FuzzEngine, FuzzStore, OPEN};
use crate::record::{AnyEntry, AnyOrigin, AnyRecord};
use crate::world::{self, Place};

/// Nothing speaks against a registration.
const FACTS: ClientFacts = ClientFacts {
    active_worker: true,
    permission: Permission::Granted,
    open_window: true,
    caller: Caller::Page,
};

/// Outputs that a scheduler with a few registrations may have in a row.
const MAX_OUTPUTS: usize = 10_000;

/// What happens after the start.
#[derive(Arbitrary, Debug)]
enum Step {
    Register {
        place: Place,
        tag: u8,
    },
    RegisterPeriodic {
        place: Place,
        tag: u8,
        min_interval_ms: u64,
    },
    Unregistered(Place),
    Activated(Place),
    Online(bool),
    Pass {
        ms: u64,
    },
    Jump {
        wall: u64,
    },
}

/// A profile, and what is done with it.
#[derive(Arbitrary, Debug)]
pub struct Profile {
    records: Vec<AnyRecord>,
    origins: Vec<AnyOrigin>,
    next_id: u64,
    entries: Vec<AnyEntry>,
    wall: u64,
    mono: u64,
    first_retry_delay_ms: u64,
    max_attempts: u32,
    fails: bool,
    steps: Vec<Step>,
}

/// A scheduler whose store, engine and workers answer at once.
struct Machine {
    scheduler: SyncScheduler,
    now: Now,
    fails: bool,
    calls: u64,
}

impl Machine {
    fn carry_out(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.scheduler.poll_output() {
            outputs += 1;
            if outputs > MAX_OUTPUTS {
                // A retry without delay that always fails goes on for ever, one turn after another.
                return;
            }
            match output {
                Output::Store { ticket, .. } => {
                    let fault = StoreFault::failed("the fuzzer says so");
                    let result = if self.fails { Err(fault) } else { Ok(()) };
                    self.scheduler.handle_stored(self.now, ticket, result);
                }
                Output::CheckPermission { event, .. } => {
                    let check = PermissionCheck::Answered(Permission::Granted);
                    self.scheduler.handle_permission(self.now, event, check);
                }
                Output::Dispatch { event, .. } => {
                    let outcome = EventOutcome::Rejected;
                    self.scheduler
                        .handle_event_finished(self.now, event, outcome);
                }
                Output::Answer { call, .. } => {
                    self.scheduler.handle_acknowledged(self.now, call);
                }
                Output::Terminate { .. } | Output::Notify(_) => {}
            }
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Register { place, tag } => {
                let call = Call(self.calls);
                self.calls += 1;
                let (scope, tag) = (place.key(), Ok(world::tag(tag)));
                self.scheduler
                    .handle_register(self.now, call, &scope, tag, FACTS);
            }
            Step::RegisterPeriodic {
                place,
                tag,
                min_interval_ms,
            } => {
                let call = Call(self.calls);
                self.calls += 1;
                let (scope, tag) = (place.key(), Ok(world::tag(tag)));
                let now = self.now;
                self.scheduler.handle_register_periodic(
                    now,
                    call,
                    &scope,
                    tag,
                    min_interval_ms,
                    FACTS,
                );
            }
            Step::Unregistered(place) => {
                self.scheduler
                    .handle_worker_unregistered(self.now, &place.key());
            }
            Step::Activated(place) => {
                self.scheduler
                    .handle_worker_activated(self.now, &place.key());
            }
            Step::Online(online) => {
                let connectivity = match online {
                    true => Connectivity::Online,
                    false => Connectivity::Offline,
                };
                self.scheduler.handle_connectivity(self.now, connectivity);
            }
            Step::Pass { ms } => self.now.mono = self.now.mono.after_ms(ms),
            Step::Jump { wall } => self.now.wall = WallTime(wall),
        }
        self.carry_out();
        // Retries without delay at the end of time would be due for ever.
        if self.now.mono < MonoTime(u64::MAX) {
            self.scheduler.handle_timeout(self.now);
            self.carry_out();
        }
    }
}

impl Profile {
    /// Loads it and works with it, in the core alone.
    ///
    /// # Panics
    /// On a finding.
    pub fn schedule(self) {
        let policy = Policy {
            first_retry_delay_ms: self.first_retry_delay_ms.max(1),
            max_attempts: std::num::NonZeroU32::new(self.max_attempts),
            ..Policy::standard()
        };
        let config = SchedulerConfig::new(policy, Connectivity::Online, self.next_id);
        let mut machine = Machine {
            scheduler: SyncScheduler::new(config),
            now: Now {
                wall: WallTime(self.wall),
                mono: MonoTime(self.mono),
            },
            fails: self.fails,
            calls: 1,
        };
        let records: Vec<_> = self
            .records
            .into_iter()
            .filter_map(AnyRecord::into_record)
            .collect();
        let (count, steps) = (records.len(), self.steps.len());
        let origins = self.origins.into_iter().map(AnyOrigin::into_origin);
        machine.scheduler.load_origins(machine.now, origins);
        machine
            .scheduler
            .load(machine.now, by_id(records), RegistrationId(self.next_id));
        machine.carry_out();
        for step in self.steps {
            machine.take(step);
        }
        assert!(machine.scheduler.usage().registrations <= count + steps);
    }

    /// Starts a manager with it, and works with that.
    ///
    /// # Panics
    /// On a finding.
    pub fn start(self) {
        let mut memory = MemoryStore::new();
        for record in self.records.into_iter().filter_map(AnyRecord::into_record) {
            let put = StoreOp::Put(record);
            memory
                .commit(&[put], Durability::Strict)
                .expect("memory does not fail");
        }
        for origin in self.origins.into_iter().map(AnyOrigin::into_origin) {
            let put = StoreOp::PutOrigin(origin);
            memory
                .commit(&[put], Durability::Strict)
                .expect("memory does not fail");
        }
        let mut journal: Vec<_> = self.entries.into_iter().map(AnyEntry::into_entry).collect();
        journal.sort_by_key(|entry| entry.sequence);
        journal.dedup_by_key(|entry| entry.sequence);
        let policy = Policy::standard();
        let engine = FuzzEngine {
            state: Arc::default(),
            policy: policy.clone(),
        };
        engine.state.lock().answer = Some(OPEN);
        let (messages, messages_in) = unbounded::<Result<_, &'static str>>();
        let store = FuzzStore {
            memory,
            fails: Arc::default(),
            journal,
        };
        let config = Config::new().policy(policy);
        let (store, engine) = (Box::new(store), Box::new(engine));
        let manager =
            SyncManager::spawn_with_store(config, store, messages_in, engine, Box::new(Silent));
        let manager = manager.expect("a manager starts");
        let (replies, replies_in) = unbounded();
        let connection = ConnectionId::new();
        let client = Client::new(replies, Arc::default());
        let scope = Place::Good(0).key();
        let _ = messages.send(Ok(SyncManagerMessage::Connect {
            connection,
            scope,
            client,
        }));
        for number in 0..2 {
            let request = SyncRequest::Register {
                tag: Ok(world::tag(number)),
                active_worker: true,
                caller: Caller::Page,
            };
            let call = CallId(u64::from(number));
            let _ = messages.send(Ok(SyncManagerMessage::Request {
                connection,
                call,
                request,
            }));
            assert!(replies_in.recv().is_ok(), "a call is answered");
        }
        let journal = manager.control().journal(JournalQuery::default()).wait();
        assert!(
            journal
                .expect("the manager runs")
                .is_sorted_by_key(|entry| entry.sequence)
        );
        manager.shutdown();
    }
}

/// As a store gives them: by ascending id, each once.
fn by_id(mut records: Vec<StoredRegistration>) -> Vec<StoredRegistration> {
    records.sort_by_key(|record| record.id);
    records.dedup_by_key(|record| record.id);
    records
}
