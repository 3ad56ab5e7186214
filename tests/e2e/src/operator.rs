//! What whoever looks after a device does: commands of the kiosk, and the control socket that they use.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::{PATIENCE, kiosk_program, run};

/// A command for the kiosk that uses this profile.
pub fn operator_command(profile: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(kiosk_program());
    command
        .args(words)
        .arg("--profile")
        .arg(profile)
        .env_remove("NO_COLOR")
        .stdin(Stdio::null());
    command
}

/// Runs a command for the kiosk that uses this profile.
pub fn operate(profile: &Path, words: &[&str]) -> Told {
    Told::new(run(&mut operator_command(profile, words)))
}

/// What a command has told.
#[derive(Debug)]
pub struct Told {
    /// On standard output.
    pub text: String,
    /// On standard error.
    pub errors: String,
    /// Its exit code.
    pub code: Option<i32>,
}

impl Told {
    /// What has ended.
    pub fn new(output: Output) -> Self {
        Self {
            text: String::from_utf8(output.stdout).expect("UTF-8"),
            errors: String::from_utf8(output.stderr).expect("UTF-8"),
            code: output.status.code(),
        }
    }

    /// It must have succeeded; returns its output.
    ///
    /// # Panics
    /// If it has not.
    #[must_use]
    pub fn succeeded(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:?}");
        &self.text
    }

    /// It must have ended with this code and with a sentence that has these words.
    ///
    /// # Panics
    /// If it has not.
    pub fn assert_refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let last = self.errors.lines().last().unwrap_or_default();
        for word in words {
            assert!(last.contains(word), "no {word:?} in {self:?}");
        }
        assert!(!self.errors.contains("panicked"), "{self:?}");
    }

    /// Its output, as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(self.succeeded()).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A connection to the control socket of a profile.
pub struct ControlSocket {
    stream: BufReader<UnixStream>,
}

impl ControlSocket {
    /// Connects.
    ///
    /// # Panics
    /// If nobody listens.
    #[must_use]
    pub fn connect(profile: &Path) -> Self {
        let path = profile.join("control.sock");
        let stream = UnixStream::connect(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("it is not zero");
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Sends this as it is; fails if the kiosk has closed the connection, which its answer then tells.
    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// The next line; `None`: the kiosk has closed the connection.
    ///
    /// # Panics
    /// If there is none in time, or it is no JSON.
    pub fn next_line(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => None,
            // Bytes of ours that it has not read are left.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Ok(_) => Some(serde_json::from_str(&line).expect("a line of JSON")),
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// Asks for something, and returns the last line of the answer.
    ///
    /// # Panics
    /// If it does not come.
    pub fn ask(&mut self, request: &Value) -> Value {
        self.send(format!("{request}\n").as_bytes())
            .expect("the kiosk reads");
        loop {
            let line = self.next_line().expect("an answer");
            if line.get("item").is_none() {
                return line;
            }
        }
    }
}
