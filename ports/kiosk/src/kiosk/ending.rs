//! How a kiosk ends: for good, or to begin again.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use crate::failure::Failure;

/// What the event loop is to do after a message.
#[derive(Debug)]
pub enum Next {
    /// Wait for the next one.
    Wait,
    /// End the process.
    Exit(ExitCode),
    /// End the engine, and begin again.
    Restart,
}

/// How a kiosk ends.
#[derive(Debug)]
pub enum Ending {
    /// The process ends.
    Exit(ExitCode),
    /// The process begins again, once the engine has ended.
    Restart,
}

/// The program that this process runs, and its arguments. To be found before it may have been replaced: after an upgrade
/// the same path leads to the new one.
pub struct Program {
    path: Option<PathBuf>,
    arguments: Vec<OsString>,
}

impl Program {
    /// Of this process.
    pub fn of_this_process() -> Self {
        Self {
            path: env::current_exe().ok(),
            arguments: env::args_os().skip(1).collect(),
        }
    }

    /// Runs it again in this process, which keeps its number, its standard streams and its environment. Returns only if that
    /// can't be.
    pub fn run_again(&self) -> Failure {
        let Some(path) = &self.path else {
            return Failure::environment(
                "the kiosk can't restart: where its program is is not known",
            );
        };
        let error = Command::new(path).args(&self.arguments).exec();
        Failure::environment(format!(
            "the kiosk can't restart: {} can't be run: {error}",
            path.display()
        ))
    }
}
