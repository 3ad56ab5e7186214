//! The numbers that decide when and how often events fire, and how much is stored.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Durability, ExtraInterval, LEAST_PERIODIC_INTERVAL_MS};

/// How often a registration whose last permitted attempt was interrupted (the browser died while
/// its event ran) is given that last attempt again.
pub const MAX_INTERRUPTIONS: u32 = 3;

/// What the embedder decides. Each field can be set by itself; what a configuration leaves out is
/// as in [`Policy::standard`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Delay after the first failed attempt, in milliseconds.
    pub first_retry_delay_ms: u64,
    /// Each further delay is the previous one times this.
    pub retry_factor: NonZeroU32,
    /// No delay is longer than this, in milliseconds (before jitter).
    pub longest_retry_delay_ms: u64,
    /// A delay is longer or shorter by up to this percentage, at random (0 to 100).
    pub retry_jitter_percent: u8,
    /// Attempts until a registration is given up. `None`: until one succeeds.
    pub max_attempts: Option<NonZeroU32>,
    /// Whether going online brings waiting retries forward.
    pub reconnect_brings_retries_forward: bool,
    /// The part of its delay, in percent, that a retry waits in any case (0 to 100): a network
    /// that comes and goes must not use up all attempts.
    pub reconnect_least_delay_percent: u8,
    /// The retries that are brought forward are spread over this time, in milliseconds.
    pub reconnect_retry_spread_ms: u64,
    /// First attempts that waited for the network are spread over this time after going online, in
    /// milliseconds. 0: they fire at once.
    pub reconnect_first_attempt_spread_ms: u64,
    /// Events in a row that fire at once although nobody but the service worker wants them: each was registered in the
    /// one before, or within `chain_memory_ms` of its end, and no client has asked for anything meanwhile. The next ones
    /// back off, by `first_retry_delay_ms` and the fields behind it, so that a handler which registers its own tag again
    /// does not keep the device and a server busy forever. Many tags registered in one event are side by side,
    /// not in a row.
    pub chained_events_at_once: u32,
    /// A `register()` call of a service worker counts as part of a chain for this time after the end of its last event,
    /// in milliseconds.
    pub chain_memory_ms: u64,
    /// An event that lasts longer fails and its worker is terminated, in milliseconds.
    pub event_cap_ms: u64,
    /// An event does not wait longer than this for its page to say that the promise of
    /// `register()` is resolved, in milliseconds.
    pub acknowledge_limit_ms: u64,
    /// What the embedder wants to fire at once waits no longer than this for a worker, if there is none,
    /// in milliseconds.
    pub worker_start_limit_ms: u64,
    /// An event does not wait longer than this for the answer whether its origin has the permission, in
    /// milliseconds: it gives up its slot, as after a local fault, and asks again later.
    pub permission_limit_ms: u64,
    /// After a local fault (the store, or no answer from the engine), what it prevented is tried
    /// again after this time, in milliseconds. No attempt is counted.
    pub local_fault_delay_ms: u64,
    /// What a resolved promise of `register()` must survive.
    pub durability: Durability,
    /// The most sync registrations of one origin.
    pub max_registrations_per_origin: u32,
    /// The most sync registrations in all.
    pub max_registrations_in_all: u32,
    /// The most events that run at the same time, in all.
    pub max_events_in_all: NonZeroU32,
    /// The most events of one origin that run at the same time. Fewer leave the engine's threads waiting for each other:
    /// after a reconnect, 64 at a time deliver thousands three times as fast as 8.
    pub max_events_per_origin: NonZeroU32,
    /// [Minimum periodic sync interval for any
    /// origin](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#constants),
    /// in milliseconds. Also the least time from registering to the first event. At least
    /// [`crate::LEAST_PERIODIC_INTERVAL_MS`] counts.
    pub periodic_interval_any_origin_ms: u64,
    /// [Minimum periodic sync interval across
    /// origins](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#constants),
    /// in milliseconds: the gap between wake-ups for periodic events; all that is due fires in one. If
    /// it is less than the interval for any origin, that one counts, as the specification demands:
    /// whoever wants periodic events more often sets both.
    pub periodic_interval_across_origins_ms: u64,
    /// A wake-up for periodic events is put off by up to this time, in milliseconds, if others are
    /// due by then; never by more than a tenth of the interval for any origin.
    pub periodic_grouping_ms: u64,
    /// Attempts of one periodic event: when all have failed, the next one comes after a full interval.
    /// The specification wants their back-off to be an order of magnitude shorter than the interval.
    pub periodic_max_attempts: NonZeroU32,
    /// `data`, `description` and `lang` of one registration of the explainer, in UTF-8 bytes; at most
    /// [`crate::MAX_DATA_BYTES`] for the data in any case.
    pub max_data_bytes: u64,
    /// The same limit for all registrations of one origin together, in UTF-8 bytes.
    pub max_data_bytes_per_origin: u64,
    /// The same limit for all registrations together, in UTF-8 bytes.
    pub max_data_bytes_in_all: u64,
}

const fn non_zero(value: u32) -> NonZeroU32 {
    match NonZeroU32::new(value) {
        Some(value) => value,
        None => NonZeroU32::MIN,
    }
}

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const KIB: u64 = 1_024;

impl Default for Policy {
    fn default() -> Self {
        Self::standard()
    }
}

impl Policy {
    /// 1 minute, doubled up to 1 hour, ±10 %, 24 attempts: about 18 hours.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            first_retry_delay_ms: MINUTE_MS,
            retry_factor: non_zero(2),
            longest_retry_delay_ms: 60 * MINUTE_MS,
            retry_jitter_percent: 10,
            max_attempts: NonZeroU32::new(24),
            reconnect_brings_retries_forward: true,
            reconnect_least_delay_percent: 10,
            reconnect_retry_spread_ms: 2_000,
            reconnect_first_attempt_spread_ms: 0,
            chained_events_at_once: 3,
            chain_memory_ms: MINUTE_MS,
            event_cap_ms: 3 * MINUTE_MS,
            acknowledge_limit_ms: 10_000,
            worker_start_limit_ms: MINUTE_MS / 2,
            permission_limit_ms: MINUTE_MS,
            local_fault_delay_ms: 30_000,
            durability: Durability::Strict,
            max_registrations_per_origin: 1_000,
            max_registrations_in_all: 50_000,
            max_events_in_all: non_zero(256),
            max_events_per_origin: non_zero(64),
            periodic_interval_any_origin_ms: 12 * HOUR_MS,
            periodic_interval_across_origins_ms: 12 * HOUR_MS,
            periodic_grouping_ms: HOUR_MS,
            periodic_max_attempts: non_zero(6),
            max_data_bytes: 64 * KIB,
            max_data_bytes_per_origin: 1_024 * KIB,
            max_data_bytes_in_all: 65_536 * KIB,
        }
    }

    /// What Chromium does: 5 minutes, then 15, three attempts, no jitter, retries keep their time
    /// when the network returns.
    #[must_use]
    pub fn chromium() -> Self {
        Self {
            first_retry_delay_ms: 5 * MINUTE_MS,
            retry_factor: non_zero(3),
            longest_retry_delay_ms: 24 * 60 * MINUTE_MS,
            retry_jitter_percent: 0,
            max_attempts: NonZeroU32::new(3),
            periodic_max_attempts: non_zero(3),
            reconnect_brings_retries_forward: false,
            ..Self::standard()
        }
    }

    /// A retry after each `interval`, until one succeeds.
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        let interval_ms = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        Self {
            first_retry_delay_ms: interval_ms,
            retry_factor: NonZeroU32::MIN,
            longest_retry_delay_ms: interval_ms,
            retry_jitter_percent: 0,
            max_attempts: None,
            ..Self::standard()
        }
    }

    /// As [`Policy::standard`], for many devices that lose and regain the network together: what
    /// waited for it is spread over 75 seconds.
    ///
    /// The numbers are those with the lowest peak at the server whose median delivery is still under
    /// a minute (`./mach bench --fleet`). The spread is even, because every other shape has a higher
    /// peak; at 75 seconds, and with a third of the requests failing, half are delivered after 56.
    /// The first retry comes after 2 minutes, half of that at the least, so that the retries of the
    /// first wave do not pile up on it, and are spread over twice its length.
    #[must_use]
    pub fn fleet() -> Self {
        const SPREAD_MS: u64 = 75_000;
        Self {
            first_retry_delay_ms: 2 * MINUTE_MS,
            reconnect_retry_spread_ms: SPREAD_MS,
            reconnect_first_attempt_spread_ms: SPREAD_MS,
            retry_jitter_percent: 50,
            ..Self::standard()
        }
    }

    /// Delay before the attempt that follows `attempts` failed ones, without jitter, in
    /// milliseconds.
    #[must_use]
    pub fn retry_delay_ms(&self, attempts: u32) -> u64 {
        let mut delay_ms = self.first_retry_delay_ms;
        for _ in 1..attempts {
            let grows = delay_ms > 0 && self.retry_factor.get() > 1;
            if !grows || delay_ms >= self.longest_retry_delay_ms {
                break;
            }
            delay_ms = delay_ms.saturating_mul(u64::from(self.retry_factor.get()));
        }
        delay_ms.min(self.longest_retry_delay_ms)
    }

    /// Delay before the event number `depth` of a chain (from 1 on; 0: of none), without jitter, in milliseconds.
    #[must_use]
    pub fn chain_delay_ms(&self, depth: u32) -> u64 {
        match depth.saturating_sub(self.chained_events_at_once) {
            0 => 0,
            beyond => self.retry_delay_ms(beyond),
        }
    }

    /// The most that jitter adds to or takes from `delay_ms`, in milliseconds.
    #[must_use]
    pub fn jitter_ms(&self, delay_ms: u64) -> u64 {
        // Divided first: no product may overflow, and a delay under 100 ms needs no jitter.
        (delay_ms / 100).saturating_mul(u64::from(self.retry_jitter_percent.min(100)))
    }

    /// Whether attempt number `attempt` (from 1 on) is the last one.
    #[must_use]
    pub fn is_last_chance(&self, attempt: u32) -> bool {
        self.max_attempts.is_some_and(|most| attempt >= most.get())
    }

    /// Whether attempt number `attempt` (from 1 on) of a periodic event is the last one.
    #[must_use]
    pub fn is_last_periodic_attempt(&self, attempt: u32) -> bool {
        attempt >= self.periodic_max_attempts.get()
    }

    /// The [effective minimum sync
    /// interval](https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodic-sync-scheduler-construct)
    /// of an origin, in milliseconds. `None`: infinite.
    #[must_use]
    pub fn periodic_interval_ms(&self, extra: ExtraInterval) -> Option<u64> {
        match extra {
            ExtraInterval::Never => None,
            ExtraInterval::Ms(extra_ms) => Some(self.any_origin_ms().saturating_add(extra_ms)),
        }
    }

    /// The gap between wake-ups for periodic events, in milliseconds.
    #[must_use]
    pub fn periodic_gap_ms(&self) -> u64 {
        self.periodic_interval_across_origins_ms
            .max(self.any_origin_ms())
    }

    /// How long a wake-up may be put off to be shared, in milliseconds.
    #[must_use]
    pub fn grouping_ms(&self) -> u64 {
        self.periodic_grouping_ms.min(self.any_origin_ms() / 10)
    }

    fn any_origin_ms(&self) -> u64 {
        self.periodic_interval_any_origin_ms
            .max(LEAST_PERIODIC_INTERVAL_MS)
    }
}
