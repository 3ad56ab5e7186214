//! A scenario that is played: how long it may take, and what is made of it in the end.

use std::process::ExitCode;
use std::time::Instant;

use crate::app_server::LogEntry;
use crate::event::Event;
use crate::failure::FailureKind;
use crate::output::Output;
use crate::scenario::{self, Action, Scenario};
use crate::timeline::Actor;

/// A scenario in progress.
pub struct ScenarioRun {
    scenario: Scenario,
    deadline: Instant,
}

impl ScenarioRun {
    /// A scenario of a kiosk that was started at `start`, and its first actions.
    pub fn start(start: Instant) -> (Self, Vec<Action>) {
        let (scenario, actions) = Scenario::start();
        let deadline = start + scenario::TIME_LIMIT;
        (Self { scenario, deadline }, actions)
    }

    /// When it has failed unless it is finished.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Follows an event.
    pub fn handle(&mut self, event: &Event) -> Vec<Action> {
        self.scenario.handle(event)
    }

    /// It is finished: whether `log` has what it should.
    pub fn judge(&self, log: &[LogEntry], output: &Output) -> ExitCode {
        let faults = scenario::find_faults(log);
        if let Output::Timeline(timeline) = output {
            if faults.is_empty() {
                timeline.say(
                    Actor::Kiosk,
                    &format!(
                        "all {} messages arrived once, unchanged, in order",
                        log.len()
                    ),
                );
            }
            for picture in self.scenario.pictures() {
                timeline.note(&format!("screenshot: {}", picture.display()));
            }
        }
        exit_code(&faults)
    }

    /// It has taken too long.
    pub fn fail_for_time(&self, log: &[LogEntry]) -> ExitCode {
        let mut faults = vec![format!(
            "after {} seconds the scenario still waited for {}",
            scenario::TIME_LIMIT.as_secs(),
            self.scenario.waits_for()
        )];
        faults.extend(scenario::find_faults(log));
        exit_code(&faults)
    }
}

fn exit_code(faults: &[String]) -> ExitCode {
    for fault in faults {
        eprintln!("kiosk: the scenario failed: {fault}");
    }
    match faults.is_empty() {
        true => ExitCode::SUCCESS,
        false => FailureKind::Unsuccessful.exit_code(),
    }
}
