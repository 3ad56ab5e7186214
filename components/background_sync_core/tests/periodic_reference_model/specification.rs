//! The algorithms of
//! [Periodic Background Sync](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html),
//! written as plainly as possible. Where the scheduler deviates on purpose, a comment says
//! "Deviation", what it does instead, and why.

use std::collections::BTreeMap;

use background_sync_core::{ExtraInterval, PeriodicState, RegisterError};

/// Constants of the specification that the user agent defines, in milliseconds.
pub const MINIMUM_INTERVAL_FOR_ANY_ORIGIN: u64 = 5_000;
pub const MINIMUM_INTERVAL_ACROSS_ORIGINS: u64 = 7_500;

/// The small back-off, in milliseconds.
pub const BACK_OFF: u64 = 700;

/// Deviation: attempts are counted, not retries. The specification compares the number of retries
/// after having used one more than its maximum.
pub const MAX_ATTEMPTS: u32 = 3;

/// Which registration: the index of its scope, and its tag.
pub type Name = (usize, usize);

/// An event: whose, and the number of the attempt.
pub type Fired = (Name, u32);

/// A periodic sync registration.
#[derive(Debug)]
pub struct PeriodicSyncRegistration {
    /// Tells it from an earlier one of the same name.
    pub number: u64,
    pub name: Name,
    pub minimum_interval: u64,
    pub anchor_time: u64,
    pub state: PeriodicState,
    /// Of the event that is being fired or tried again.
    attempts: u32,
    /// The end of the back-off.
    retry_at: Option<u64>,
}

impl PeriodicSyncRegistration {
    fn is_running(&self) -> bool {
        self.state == PeriodicState::Firing && self.retry_at.is_none()
    }
}

/// What is true of a caller.
#[derive(Clone, Copy, Debug)]
pub struct CallingClient {
    pub active_worker: bool,
    pub open_window: bool,
}

/// The state of the user agent.
#[derive(Default)]
pub struct Specification {
    pub now: u64,
    pub online: bool,
    /// Origins whose permission is denied.
    pub denied: Vec<usize>,
    /// The user agent defined amount for an origin.
    pub extra: BTreeMap<usize, ExtraInterval>,
    pub active: Vec<PeriodicSyncRegistration>,
    time_of_last_fire: BTreeMap<usize, u64>,
    /// When the processing loop fired something last.
    last_wake_up: Option<u64>,
    numbers: u64,
    pub fired: Vec<Fired>,
}

/// Scopes 0 and 1 are of one origin, 2 is of another.
pub fn origin_of(name: Name) -> usize {
    name.0 / 2
}

impl Specification {
    pub fn find(&mut self, name: Name) -> Option<&mut PeriodicSyncRegistration> {
        self.active.iter_mut().find(|entry| entry.name == name)
    }

    pub fn find_number(&mut self, number: u64) -> Option<&mut PeriodicSyncRegistration> {
        self.active.iter_mut().find(|entry| entry.number == number)
    }

    /// `PeriodicSyncManager.register(tag, options)`.
    pub fn register(
        &mut self,
        name: Name,
        minimum_interval: u64,
        caller: CallingClient,
    ) -> Result<(), RegisterError> {
        // Step 2.
        if !caller.active_worker {
            return Err(RegisterError::NoActiveWorker);
        }
        // Step 4.
        if self.denied.contains(&origin_of(name)) {
            return Err(RegisterError::PeriodicPermissionDenied);
        }
        // Steps 5 to 7.
        if !caller.open_window {
            return Err(RegisterError::NoWindow);
        }
        let now = self.now;
        // Steps 8 to 10.
        match self.find(name) {
            None => {
                self.numbers += 1;
                self.active.push(PeriodicSyncRegistration {
                    number: self.numbers,
                    name,
                    minimum_interval,
                    anchor_time: now,
                    state: PeriodicState::Pending,
                    attempts: 0,
                    retry_at: None,
                });
            }
            Some(current) => {
                // Deviation: between two attempts it is not firing: nothing runs that the page could
                // have missed, and its back-off goes on.
                let firing = current.is_running();
                if current.minimum_interval != minimum_interval {
                    current.minimum_interval = minimum_interval;
                    // Deviation: it begins anew, with its anchor time and without the back-off of
                    // the old interval; a page that wants another interval wants it from now on.
                    current.anchor_time = now;
                    if current.retry_at.take().is_some() {
                        current.state = PeriodicState::Pending;
                        current.attempts = 0;
                    }
                }
                // Deviation: also with another interval, so that the failure of an event of the old
                // one is not tried again in the new one.
                if firing {
                    current.state = PeriodicState::ReregisteredWhileFiring;
                }
            }
        }
        Ok(())
    }

    /// `PeriodicSyncManager.getTags()`.
    pub fn get_tags(&self, scope: usize) -> Vec<usize> {
        let of_scope = self.active.iter().filter(|entry| entry.name.0 == scope);
        of_scope.map(|entry| entry.name.1).collect()
    }

    /// `PeriodicSyncManager.unregister(tag)`.
    pub fn unregister(&mut self, name: Name) {
        self.active.retain(|entry| entry.name != name);
    }

    /// Respond to permission revocation.
    pub fn revoke(&mut self, origin: usize) {
        self.denied.push(origin);
        self.active.retain(|entry| origin_of(entry.name) != origin);
    }

    /// Effective minimum sync interval for origin. `None`: infinite.
    fn effective_minimum_interval(&self, origin: usize) -> Option<u64> {
        match self.extra.get(&origin) {
            Some(ExtraInterval::Never) => None,
            Some(ExtraInterval::Ms(ms)) => Some(MINIMUM_INTERVAL_FOR_ANY_ORIGIN + ms),
            None => Some(MINIMUM_INTERVAL_FOR_ANY_ORIGIN),
        }
    }

    /// What the user agent adds to the interval of an origin has changed.
    pub fn set_extra(&mut self, origin: usize, extra: ExtraInterval) {
        self.extra.insert(origin, extra);
        // The specification does not say when a registration becomes suspended. Deviation: at once,
        // and its event ends with that, as a failure, so that nothing fires any more.
        let now = self.now;
        for entry in &mut self.active {
            let suspended = origin_of(entry.name) == origin && extra == ExtraInterval::Never;
            if suspended && entry.retry_at.take().is_some() {
                entry.state = PeriodicState::Pending;
                entry.attempts = 0;
                entry.anchor_time = now;
            }
        }
    }

    /// The state as the specification names it.
    pub fn state_of(&self, entry: &PeriodicSyncRegistration) -> PeriodicState {
        let suspended = self
            .effective_minimum_interval(origin_of(entry.name))
            .is_none();
        match entry.state {
            PeriodicState::Pending if suspended => PeriodicState::Suspended,
            PeriodicState::Firing if !entry.is_running() => PeriodicState::Pending,
            state => state,
        }
    }

    /// Whether a pass at this moment fires this registration: the conditions of "process periodic
    /// sync registrations".
    pub fn may_fire(&self, entry: &PeriodicSyncRegistration) -> bool {
        let now = self.now;
        let origin = origin_of(entry.name);
        let over = |since: u64, interval: u64| since + interval <= now;
        // Step 1.1. Deviation: it is waited for after a pass that fired, not at the start, which
        // may be every minute; what was registered waits for its own interval anyway.
        let gap_is_over = self
            .last_wake_up
            .is_none_or(|last| over(last, MINIMUM_INTERVAL_ACROSS_ORIGINS));
        // Step 1.3.3.2.
        let Some(of_origin) = self.effective_minimum_interval(origin) else {
            return false;
        };
        let last_fire = self.time_of_last_fire.get(&origin);
        let origin_is_over = last_fire.is_none_or(|&last| over(last, of_origin));
        // Step 1.3.3.3.2. Deviation: no less than the interval of the origin, so that nothing fires
        // right after registering.
        let own = entry.minimum_interval.max(of_origin);
        let own_is_over = over(entry.anchor_time, own);
        // Steps 1.3.2 and 1.3.3.3.1.
        let pending = entry.state == PeriodicState::Pending;
        self.online && pending && gap_is_over && origin_is_over && own_is_over
    }

    /// Process periodic sync registrations, at this moment, without a wait for others to be due.
    pub fn process(&mut self) {
        let may_fire = |entry: &&PeriodicSyncRegistration| self.may_fire(entry);
        let numbers: Vec<u64> = self
            .active
            .iter()
            .filter(may_fire)
            .map(|entry| entry.number)
            .collect();
        for number in numbers {
            self.fire(number);
        }
    }

    /// Fire a periodicsync event, up to the event itself.
    pub fn fire(&mut self, number: u64) {
        let now = self.now;
        let entry = self.find_number(number).expect("step 2: it is active");
        entry.state = PeriodicState::Firing;
        entry.attempts = 1;
        let name = entry.name;
        self.last_wake_up = Some(now);
        // Deviation: before the event, too, so that a failure or a crash does not evade the interval.
        self.time_of_last_fire.insert(origin_of(name), now);
        self.fired.push((name, 1));
    }

    /// The wait for a small back-off time is over, for those whose it is.
    pub fn retry(&mut self) {
        let (now, online) = (self.now, self.online);
        for entry in &mut self.active {
            // Deviation: nothing fires without a network, retries neither.
            if online && entry.retry_at.is_some_and(|at| at <= now) {
                entry.retry_at = None;
                entry.attempts += 1;
                self.fired.push((entry.name, entry.attempts));
            }
        }
    }

    /// Fire a periodicsync event, from the outcome on.
    pub fn settle(&mut self, number: u64, success: bool) {
        let now = self.now;
        let Some(entry) = self.active.iter().find(|entry| entry.number == number) else {
            return;
        };
        let origin = origin_of(entry.name);
        let suspended = self.effective_minimum_interval(origin).is_none();
        if success {
            self.time_of_last_fire.insert(origin, now);
        }
        let entry = self.find_number(number).expect("it was there");
        let again = entry.state == PeriodicState::ReregisteredWhileFiring;
        // Deviation: of a suspended registration nothing is tried again.
        if success || again || suspended || entry.attempts == MAX_ATTEMPTS {
            entry.state = PeriodicState::Pending;
            entry.attempts = 0;
            entry.anchor_time = now;
        } else {
            entry.retry_at = Some(now + BACK_OFF);
        }
    }
}
