//! The kiosk as a process: how it ends, in order or not.

use std::fs;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Kiosk, KioskBuilder};
use crate::PATIENCE;

impl KioskBuilder {
    /// Standard error goes to this file.
    #[must_use]
    pub fn errors_to(mut self, file: fs::File) -> Self {
        self.command.stderr(file);
        self
    }
}

impl Kiosk {
    /// Memory of the process that is in no file, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        self.status_bytes("RssAnon:")
    }

    /// What the kernel says of the process, in bytes: `VmHWM:`, say.
    pub fn status_bytes(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        let kib: u64 = number
            .and_then(|number| number.parse().ok())
            .expect("a number");
        kib * 1_024
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until something is true that no event tells of, such as what is in a file.
    pub fn wait_until(&self, what: &str, is_true: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_true() {
            assert!(
                Instant::now() < deadline,
                "waited until {what}; {}",
                self.story()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until this many threads of service workers are left.
    pub fn wait_for_worker_threads(&self, count: usize) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let workers = self.worker_threads();
            if workers == count {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{workers} threads of service workers run, not {count}; {}",
                self.story()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Says `quit`, and returns how long the process took to end.
    pub fn quit(mut self) -> Duration {
        self.command("quit");
        let asked = Instant::now();
        let status = self.wait_for_end();
        assert!(status.success(), "{status}; {}", self.story());
        asked.elapsed()
    }

    /// How many threads of service workers run now.
    pub fn worker_threads(&self) -> usize {
        let threads = fs::read_dir(format!("/proc/{}/task", self.id())).expect("it runs");
        let names = threads
            .flatten()
            .filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
        names.filter(|name| name.starts_with("SW:")).count()
    }

    /// Kills the process at once, as a power cut would end it.
    pub fn kill(&mut self) {
        self.child.kill().expect("the kiosk runs");
        self.child.wait().expect("a child can be waited for");
    }

    /// Asks the process to end, as a supervisor does, and waits until it has.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait_for_end()
    }

    /// Ends the control channel; the kiosk must end by itself.
    pub fn hang_up(mut self) -> ExitStatus {
        self.commands = None;
        self.wait_for_end()
    }

    /// Waits until the process has ended by itself.
    pub fn wait_for_end(&mut self) -> ExitStatus {
        // The events end when the process does.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) => self.seen.push(event),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the kiosk goes on; {}", self.story()),
            }
        }
        self.child.wait().expect("a child can be waited for")
    }

    /// Stops the process where it is: when this returns, none of its threads does anything any more, not even what it
    /// had asked the kernel for.
    pub fn freeze(&self) {
        self.signal("STOP");
        let deadline = Instant::now() + PATIENCE;
        // The kernel tells nobody but a tracer when the last thread has stopped.
        while !self.is_frozen() {
            assert!(Instant::now() < deadline, "some thread goes on");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Kills the process; returns all that it has told since [`Kiosk::forget_events`].
    pub fn into_story(mut self) -> Vec<Value> {
        self.kill();
        self.wait_for_end();
        std::mem::take(&mut self.seen)
    }

    fn is_frozen(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.id())).expect("it runs");
        let mut stats = threads
            .flatten()
            .filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
        // `number (name) state ...`, and the name may have anything in it.
        stats.all(|stat| {
            let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
            state.is_some_and(|state| state.starts_with(['T', 'Z', 'X']))
        })
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.id().to_string()])
            .status()
            .expect("kill exists");
        assert!(sent.success(), "the kiosk runs");
    }
}
