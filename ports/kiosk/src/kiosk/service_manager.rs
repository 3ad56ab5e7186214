//! What a service manager hears from the kiosk, by the protocol of systemd (`sd_notify`): that it is ready, that its main
//! thread is alive, and that it ends. Without a service manager, nothing.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// How often the kiosk gives a sign of life while the service manager waits for one: twice, so that one may be late.
const SIGNS_PER_WAIT: u32 = 2;

/// The service manager that has started the kiosk, if one has.
pub struct ServiceManager {
    has_heard_that_it_is_ready: bool,
    pulse: Option<Pulse>,
    is_deaf: bool,
}

/// Signs of life.
struct Pulse {
    interval: Duration,
    next: Instant,
}

impl ServiceManager {
    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    pub fn of_this_process() -> Self {
        let patience = sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero());
        Self {
            has_heard_that_it_is_ready: false,
            pulse: patience.map(|patience| Pulse {
                interval: patience / SIGNS_PER_WAIT,
                next: Instant::now(),
            }),
            is_deaf: false,
        }
    }

    /// When the next sign of life is due.
    pub fn deadline(&self) -> Option<Instant> {
        self.pulse.as_ref().map(|pulse| pulse.next)
    }

    /// To be called by the main thread whenever it has done something, and by the deadline.
    pub fn note_life(&mut self, now: Instant) {
        if !self.has_heard_that_it_is_ready {
            self.has_heard_that_it_is_ready = true;
            self.tell(NotifyState::Ready);
        }
        let Some(pulse) = self.pulse.as_mut().filter(|pulse| pulse.next <= now) else {
            return;
        };
        pulse.next = now + pulse.interval;
        self.tell(NotifyState::Watchdog);
    }

    /// The kiosk ends for good. (If it begins again, its service goes on.)
    pub fn note_end(&mut self) {
        self.tell(NotifyState::Stopping);
    }

    fn tell(&mut self, state: NotifyState<'_>) {
        if let Err(error) = sd_notify::notify(&[state])
            && !std::mem::replace(&mut self.is_deaf, true)
        {
            eprintln!("kiosk: the service manager can't be told how the kiosk is: {error}");
        }
    }
}
