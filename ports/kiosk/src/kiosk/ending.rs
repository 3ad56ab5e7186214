//! How a kiosk ends: for good, or to begin again.

use std::env;
use std::ffi::{CString, NulError, OsString};
use std::iter;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::unistd::execv;

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
        // The `exec` of the standard library has SIGPIPE end the process again first: a thread that writes to a closed
        // connection at that moment would end the kiosk.
        let error = match self.to_c_strings(path) {
            Ok(arguments) => {
                let Err(error) = execv(&arguments[0], &arguments);
                error.to_string()
            }
            Err(error) => error.to_string(),
        };
        Failure::environment(format!(
            "the kiosk can't restart: {} can't be run: {error}",
            path.display()
        ))
    }

    /// The path, and then the arguments.
    fn to_c_strings(&self, path: &Path) -> Result<Vec<CString>, NulError> {
        iter::once(path.as_os_str())
            .chain(self.arguments.iter().map(OsString::as_os_str))
            .map(|argument| CString::new(argument.as_bytes()))
            .collect()
    }
}
