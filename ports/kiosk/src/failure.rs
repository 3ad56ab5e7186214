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
    /// Nothing is wrong: a kiosk that runs does what was asked for. Exit code 0.
    LeftToAnother,
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

    /// A kiosk that runs does what was asked for.
    pub fn left_to_another(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::LeftToAnother,
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
            Self::LeftToAnother => 0,
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
