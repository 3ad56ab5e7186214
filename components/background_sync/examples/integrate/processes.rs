//! What a browser engine has anyway: processes for service workers, each of which can be killed at any time.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use background_sync::{EventOutcome, EventToken};

/// The processes that run, by the event that each handles.
#[derive(Default)]
pub struct Processes {
    all: Mutex<HashMap<EventToken, Process>>,
    changed: Condvar,
}

enum Process {
    Starting,
    Running(Child),
    /// Maybe before it ran.
    Killed,
}

impl Processes {
    /// Starts a process, in a thread of its own because that takes time. `said` is given each line that it prints, and
    /// kills it with an error; `ended` how it went, as far as that shows from outside.
    pub fn start(
        self: &Arc<Self>,
        event: EventToken,
        command: Command,
        said: impl FnMut(String) -> crate::Result<()> + Send + 'static,
        ended: impl FnOnce(EventOutcome) + Send + 'static,
    ) {
        self.lock().insert(event, Process::Starting);
        let processes = self.clone();
        thread::spawn(move || {
            ended(match processes.run(event, command, said) {
                Ok(()) => EventOutcome::WorkerGone,
                Err(_) => EventOutcome::NotStarted,
            });
            processes.lock().remove(&event);
            processes.changed.notify_all();
        });
    }

    fn run(
        &self,
        event: EventToken,
        mut command: Command,
        mut said: impl FnMut(String) -> crate::Result<()>,
    ) -> crate::Result<()> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let lines = child.stdout.take().map(BufReader::new);
        let killed = self.lock().insert(event, Process::Running(child));
        if matches!(killed, Some(Process::Killed)) {
            self.kill(event);
        }
        let mut lines = lines.into_iter().flat_map(BufRead::lines);
        let result = lines.try_for_each(|line| said(line?));
        if result.is_err() {
            self.kill(event);
        }
        // It prints no more: it has ended or is about to. Otherwise it would stay in the system's table.
        let ended = self.lock().insert(event, Process::Killed);
        if let Some(Process::Running(mut child)) = ended {
            child.wait()?;
        }
        result
    }

    /// Kills a process, also if it is about to start. Does not wait.
    pub fn kill(&self, event: EventToken) {
        match self.lock().get_mut(&event) {
            // An error means that it has ended.
            Some(Process::Running(child)) => drop(child.kill()),
            Some(process) => *process = Process::Killed,
            None => {}
        }
    }

    /// Waits until all have ended.
    pub fn wait(&self) {
        let some = |all: &mut HashMap<_, _>| !all.is_empty();
        drop(self.changed.wait_while(self.lock(), some));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EventToken, Process>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
