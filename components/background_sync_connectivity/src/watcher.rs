//! The thread that waits for the kernel.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use background_sync_core::Connectivity;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use crate::detector::{Detector, Ms, Output, ProbeNumber, Probing, Reached};
use crate::netlink::{Changes, Reader};
use crate::{Options, Probe, WatchError};

/// When the kernel cannot be asked, it is asked again after this time, in milliseconds.
const FAULT_DELAY_MS: u64 = 1_000;

/// Watches the network until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    connectivity_at_start: Connectivity,
    bell: Arc<Bell>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    /// Starts to watch. `report` is called with each change from
    /// [`Watcher::connectivity_at_start`] on, on the watcher's thread: it must not block.
    ///
    /// # Errors
    /// [`WatchError::Kernel`] if the kernel does not answer or has no thread left.
    pub fn start(
        options: Options,
        report: impl FnMut(Connectivity) + Send + 'static,
    ) -> Result<Self, WatchError> {
        // In this order: what changes after the subscription is announced.
        let changes = Changes::subscribe()?;
        let mut reader = Reader::open()?;
        let network = reader.read()?;
        let probing = match options.probe {
            Some(_) => Probing::On,
            None => Probing::Off,
        };
        let detector = Detector::new(options.rule, probing, network);
        let bell = Arc::new(Bell::new()?);
        let connectivity_at_start = detector.connectivity();
        let (probed_out, probed) = channel();
        let watch = Watch {
            changes,
            reader,
            detector,
            probe: options.probe,
            bell: bell.clone(),
            probed_out,
            probed,
            start: Instant::now(),
            reported: connectivity_at_start,
            report,
            read_again_at: None,
            asking: Asking::Nobody,
        };
        let thread = thread::Builder::new().name("SyncNetwork".to_owned());
        let thread = thread.spawn(move || watch.run())?;
        Ok(Self {
            connectivity_at_start,
            bell,
            thread: Some(thread),
        })
    }

    /// Whether there was a network when it started: for the start of the manager. With a probe it is
    /// always [`Connectivity::Offline`], because no server has been asked yet.
    #[must_use]
    pub fn connectivity_at_start(&self) -> Connectivity {
        self.connectivity_at_start
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.bell.stop.store(true, Ordering::SeqCst);
        self.bell.ring();
        // Dropped by `report`, on its own thread, it cannot wait for that.
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != thread::current().id()
            && thread.join().is_err()
        {
            log::error!("the SyncNetwork thread had panicked");
        }
    }
}

/// Wakes the thread: to stop, or because a probe is over.
#[derive(Debug)]
struct Bell {
    event: OwnedFd,
    stop: AtomicBool,
}

impl Bell {
    fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self {
            event: eventfd(0, flags)?,
            stop: AtomicBool::new(false),
        })
    }

    fn ring(&self) {
        // It fails only if it has been rung 2^64 times unheard.
        let _ = rustix::io::write(&self.event, &1u64.to_ne_bytes());
    }

    fn hush(&self) {
        let mut count = [0; 8];
        // It fails only if it was not rung.
        let _ = rustix::io::read(&self.event, &mut count);
    }
}

struct Watch<F> {
    changes: Changes,
    reader: Reader,
    detector: Detector,
    probe: Option<Probe>,
    bell: Arc<Bell>,
    probed_out: Sender<(ProbeNumber, Reached)>,
    probed: Receiver<(ProbeNumber, Reached)>,
    start: Instant,
    reported: Connectivity,
    report: F,
    /// After a fault.
    read_again_at: Option<Ms>,
    asking: Asking,
}

/// At most one probe is under way, however often the network changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    Nobody,
    Server,
    /// And then about this, because the network has changed.
    ServerAndThen(ProbeNumber),
}

impl<F: FnMut(Connectivity)> Watch<F> {
    fn run(mut self) {
        self.carry_out();
        loop {
            if let Err(error) = self.wait() {
                log::error!("the network interfaces can't be watched: {error}");
                self.start_over();
            }
            if self.bell.stop.load(Ordering::SeqCst) {
                return;
            }
            let now = self.now();
            while let Ok((number, reached)) = self.probed.try_recv() {
                self.detector.handle_probed(now, number, reached);
                let before = std::mem::replace(&mut self.asking, Asking::Nobody);
                if let Asking::ServerAndThen(number) = before {
                    self.ask(number);
                }
            }
            self.detector.handle_timeout(now);
            self.carry_out();
        }
    }

    /// After a fault that nothing else helps against. Until it is over, there is a network, as for an embedder that does
    /// not watch: what is not known must not hold anything back for ever.
    fn start_over(&mut self) {
        while !self.bell.stop.load(Ordering::SeqCst) {
            let delay = Timespec::try_from(Duration::from_millis(FAULT_DELAY_MS)).ok();
            let mut stop = [PollFd::new(&self.bell.event, PollFlags::IN)];
            // Whatever it returns, the next try tells.
            let _ = poll(&mut stop, delay.as_ref());
            match self.subscribe_anew() {
                Ok(()) => return self.tell(self.detector.connectivity()),
                Err(error) => log::warn!("the network interfaces still can't be watched: {error}"),
            }
            self.tell(Connectivity::Online);
        }
    }

    fn subscribe_anew(&mut self) -> io::Result<()> {
        self.changes = Changes::subscribe()?;
        self.reader = Reader::open()?;
        self.read_again_at = None;
        let network = self.reader.read()?;
        self.detector.handle_network(self.now(), network);
        Ok(())
    }

    fn tell(&mut self, connectivity: Connectivity) {
        if connectivity != self.reported {
            self.reported = connectivity;
            (self.report)(connectivity);
        }
    }

    /// Sleeps until something happens, and reads the network anew if it changed.
    fn wait(&mut self) -> io::Result<()> {
        let deadlines = self.detector.poll_timeout().into_iter();
        let deadline = deadlines.chain(self.read_again_at).min();
        // One millisecond more than the difference, because both times are rounded down.
        let left_ms = deadline.map(|at| at.saturating_sub(self.now()).saturating_add(1));
        let timeout = left_ms.and_then(|ms| Timespec::try_from(Duration::from_millis(ms)).ok());
        let mut sources = [
            PollFd::new(&self.changes, PollFlags::IN),
            PollFd::new(&self.bell.event, PollFlags::IN),
        ];
        match poll(&mut sources, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let changed = !sources[0].revents().is_empty();
        if !sources[1].revents().is_empty() {
            self.bell.hush();
        }
        let now = self.now();
        if changed {
            self.changes.drain()?;
        }
        if changed || self.read_again_at.is_some_and(|at| at <= now) {
            self.read_again_at = None;
            match self.reader.read() {
                Ok(network) => self.detector.handle_network(now, network),
                Err(error) => {
                    log::warn!("the state of the network can't be read: {error}");
                    self.read_again_at = Some(now.saturating_add(FAULT_DELAY_MS));
                    // Half of an answer may still be on its way to the old one.
                    self.reader = Reader::open()?;
                }
            }
        }
        Ok(())
    }

    fn now(&self) -> Ms {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.detector.poll_output() {
            match output {
                Output::Report(connectivity) => self.tell(connectivity),
                Output::Probe(number) => self.ask(number),
            }
        }
    }

    /// Asks on a thread of its own, which ends with the probe's time limit at the latest.
    fn ask(&mut self, number: ProbeNumber) {
        let Some(probe) = self.probe.clone() else {
            return;
        };
        if self.asking != Asking::Nobody {
            self.asking = Asking::ServerAndThen(number);
            return;
        }
        self.asking = Asking::Server;
        let (bell, probed_out) = (self.bell.clone(), self.probed_out.clone());
        let thread = thread::Builder::new().name("SyncProbe".to_owned());
        let started = thread.spawn(move || {
            // An error means that nobody waits for it any more.
            let _ = probed_out.send((number, probe.run()));
            bell.ring();
        });
        if let Err(error) = started {
            log::warn!("no thread for a probe: {error}");
            // An error is impossible: this end is alive.
            let _ = self.probed_out.send((number, Reached::SomethingElse));
            self.bell.ring();
        }
    }
}
