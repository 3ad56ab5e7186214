//! Wakes the manager for what is due in the distant future, even if the machine is suspended meanwhile. Usual timers
//! stand still then.

use background_sync_core::MonoTime;
use crossbeam_channel::Receiver;

use super::clock;

/// Nearer deadlines, in milliseconds, have a usual timer: after a suspension, they are late by no more than this.
const NEAR_MS: u64 = 1_000;

/// What [`crossbeam_channel::after`] gives, or never anything.
type Timer = Receiver<std::time::Instant>;

pub(crate) struct Alarm {
    /// `None`: this system has none, so that what is due is late by as long as the machine was suspended.
    clock: Option<imp::AlarmClock>,
    set_for: Option<MonoTime>,
}

impl Alarm {
    pub fn new() -> Self {
        let clock = imp::AlarmClock::start();
        let clock = clock.inspect_err(|error| {
            log::warn!("what is due while the machine is suspended will be late: {error}");
        });
        Self {
            clock: clock.ok(),
            set_for: None,
        }
    }

    /// Sets it. The returned timer is for what it is not used for.
    pub fn set(&mut self, deadline: Option<MonoTime>, now: MonoTime) -> Timer {
        let Some(at) = deadline else {
            self.set_clock(None);
            return crossbeam_channel::never();
        };
        if at.ms_since(now) > NEAR_MS && self.set_clock(Some(at)) {
            return crossbeam_channel::never();
        }
        crossbeam_channel::after(clock::sleep_until(at, now))
    }

    /// What is received when it goes off.
    pub fn rings(&self) -> Receiver<()> {
        let clock = self.clock.as_ref();
        clock.map_or_else(crossbeam_channel::never, imp::AlarmClock::rings)
    }

    /// It will not go off any more.
    pub fn handle_broken(&mut self) {
        self.clock = None;
    }

    /// Returns whether there is a clock to set.
    fn set_clock(&mut self, at: Option<MonoTime>) -> bool {
        let Some(clock) = &self.clock else {
            return false;
        };
        if self.set_for == at {
            return true;
        }
        self.set_for = at;
        match clock.set(at) {
            Ok(()) => true,
            Err(error) => {
                log::warn!("what is due while the machine is suspended will be late: {error}");
                self.clock = None;
                false
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod imp {
    use std::io;
    use std::os::fd::OwnedFd;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread::{self, JoinHandle};

    use background_sync_core::MonoTime;
    use crossbeam_channel::{Receiver, Sender, bounded};
    use rustix::io::Errno;
    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };

    const NEVER: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };

    /// Long past.
    const AT_ONCE: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 1,
    };

    /// A timer of the kernel on the clock that goes on while the machine is suspended, and a thread that waits for it.
    pub struct AlarmClock {
        shared: Arc<Shared>,
        rings: Receiver<()>,
        thread: Option<JoinHandle<()>>,
    }

    struct Shared {
        timer: OwnedFd,
        stop: AtomicBool,
    }

    impl AlarmClock {
        pub fn start() -> io::Result<Self> {
            let shared = Arc::new(Shared {
                timer: timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC)?,
                stop: AtomicBool::new(false),
            });
            let (ring, rings) = bounded(1);
            let thread = thread::Builder::new().name("SyncAlarm".to_owned());
            let thread = thread.spawn({
                let shared = shared.clone();
                move || wait(&shared, &ring)
            })?;
            Ok(Self {
                shared,
                rings,
                thread: Some(thread),
            })
        }

        pub fn rings(&self) -> Receiver<()> {
            self.rings.clone()
        }

        pub fn set(&self, at: Option<MonoTime>) -> io::Result<()> {
            self.set_to(at.map_or(NEVER, |MonoTime(ms)| {
                // Rounded up, as what was read of the clock is rounded down.
                let ms = ms.saturating_add(1);
                let nanoseconds = (ms % 1_000) * 1_000_000;
                Timespec {
                    tv_sec: i64::try_from(ms / 1_000).unwrap_or(i64::MAX),
                    tv_nsec: i64::try_from(nanoseconds).unwrap_or(0),
                }
            }))
        }

        fn set_to(&self, it_value: Timespec) -> io::Result<()> {
            let once = Itimerspec {
                it_interval: NEVER,
                it_value,
            };
            timerfd_settime(&self.shared.timer, TimerfdTimerFlags::ABSTIME, &once)?;
            Ok(())
        }
    }

    impl Drop for AlarmClock {
        fn drop(&mut self) {
            self.shared.stop.store(true, Ordering::SeqCst);
            if let Err(error) = self.set_to(AT_ONCE) {
                // Its thread ends with the process.
                return log::error!("the SyncAlarm thread can't be ended: {error}");
            }
            if let Some(thread) = self.thread.take()
                && thread.join().is_err()
            {
                log::error!("the SyncAlarm thread had panicked");
            }
        }
    }

    fn wait(shared: &Shared, ring: &Sender<()>) {
        loop {
            let mut count = [0; 8];
            match rustix::io::read(&shared.timer, &mut count) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return log::error!("the SyncAlarm thread ends: {error}"),
            }
            if shared.stop.load(Ordering::SeqCst) {
                return;
            }
            // One that was not heard yet is as good.
            let _ = ring.try_send(());
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod imp {
    use std::io;

    use background_sync_core::MonoTime;
    use crossbeam_channel::Receiver;

    pub enum AlarmClock {}

    impl AlarmClock {
        pub fn start() -> io::Result<Self> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub fn rings(&self) -> Receiver<()> {
            match *self {}
        }

        pub fn set(&self, _: Option<MonoTime>) -> io::Result<()> {
            match *self {}
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_goes_off_at_the_time_it_is_set_for_and_not_before() {
        let mut alarm = Alarm::new();
        let now = clock::now().mono;
        let far = now.after_ms(3_600_000);
        let near = now.after_ms(NEAR_MS + 200);
        for deadline in [far, near, far, near] {
            let timer = alarm.set(Some(deadline), now);
            assert!(timer.is_empty() && alarm.rings().is_empty());
        }
        alarm.rings().recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(clock::now().mono >= near);
    }

    #[test]
    fn it_does_not_go_off_for_nothing() {
        let mut alarm = Alarm::new();
        let now = clock::now().mono;
        drop(alarm.set(Some(now.after_ms(NEAR_MS + 50)), now));
        drop(alarm.set(None, now));
        let late = Duration::from_millis(NEAR_MS + 150);
        assert!(alarm.rings().recv_timeout(late).is_err());
    }

    #[test]
    fn what_is_near_has_a_usual_timer() {
        let mut alarm = Alarm::new();
        let now = clock::now().mono;
        let timer = alarm.set(Some(now.after_ms(20)), now);
        timer.recv_timeout(Duration::from_secs(10)).unwrap();
        alarm.handle_broken();
        let timer = alarm.set(Some(now.after_ms(NEAR_MS + 20)), now);
        timer.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
