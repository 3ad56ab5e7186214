//! The only place that reads a clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use background_sync_core::{MonoTime, Now, WallTime};

/// Longest sleep, in milliseconds (about 30 years): longer ones overflow timers.
const LONGEST_SLEEP_MS: u64 = 1 << 40;

/// Both clocks. The monotonic one goes on while the machine is suspended, where the system has such
/// a clock: with [`super::alarm`], what became due meanwhile is done on waking.
pub(crate) fn now() -> Now {
    let wall = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let wall_ms = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
    Now {
        wall: WallTime(wall_ms),
        mono: MonoTime(monotonic_ms()),
    }
}

#[cfg(target_os = "linux")]
fn monotonic_ms() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let ms = u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000;
    seconds.saturating_mul(1_000).saturating_add(ms)
}

#[cfg(not(target_os = "linux"))]
fn monotonic_ms() -> u64 {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    u64::try_from(START.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// How long to sleep until a deadline. One millisecond more than the difference, because both times
/// are rounded down: waking early would only mean sleeping again.
pub(crate) fn sleep_until(deadline: MonoTime, now: MonoTime) -> Duration {
    match deadline.ms_since(now) {
        0 => Duration::ZERO,
        ms => Duration::from_millis(ms.min(LONGEST_SLEEP_MS) + 1),
    }
}
