//! What ends the kiosk before its time: one sentence for a person, and an exit code.

use std::fmt;
use std::process::ExitCode;

/// Why the kiosk can't go on. Shown as one sentence on standard error.
#[derive(Debug)]
pub struct Failure {
    kind: FailureKind,
    message: String,
}

/// Who has to act, which decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// What was asked for did not succeed. Exit code 1.
    Unsuccessful,
    /// The command line or a configuration file is wrong. Exit code 2.
    Usage,
    /// The machine lacks something: a free port, a writable folder, a graphics library. Exit code 3.
    Environment,
}

impl Failure {
    /// The command line or a configuration file is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Usage,
            message: message.into(),
        }
    }

    /// What was asked for did not succeed.
    pub fn unsuccessful(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Unsuccessful,
            message: message.into(),
        }
    }

    /// The machine lacks something.
    pub fn environment(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Environment,
            message: message.into(),
        }
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> ExitCode {
        self.kind.exit_code()
    }
}

impl FailureKind {
    /// The process's exit code.
    pub fn exit_code(self) -> ExitCode {
        ExitCode::from(match self {
            Self::Unsuccessful => 1,
            Self::Usage => 2,
            Self::Environment => 3,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
