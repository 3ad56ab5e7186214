//! Reaches a running kiosk over its control socket; if none runs, the profile answers.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::stored::{StoredAnswers, StoredProfile};
use super::text::not_understood;
use crate::failure::Failure;
use crate::profile::{LOCK_PAUSE, Profile};
use crate::remote::protocol::{Line, MAX_ANSWER_LINE_BYTES, Request};
use crate::remote::socket;

/// How long a profile may be neither free nor answered for: a kiosk is starting or ending.
const PATIENCE: Duration = Duration::from_secs(5);

/// What an answer may take on its way, beyond what the kiosk may take for it.
const GRACE: Duration = Duration::from_secs(10);

/// Who answers.
pub enum Kiosk {
    /// The kiosk that uses the profile.
    Running(Connection),
    /// Nobody uses it: what is stored.
    Stored(Box<StoredProfile>),
}

/// A connection to a running kiosk.
pub struct Connection {
    stream: BufReader<UnixStream>,
}

/// The lines of an answer.
pub enum Answers {
    /// From a running kiosk.
    Running(Connection),
    /// From a profile.
    Stored(StoredAnswers),
}

/// Finds out who answers for a profile.
///
/// # Errors
/// If there is no such profile, it is somebody else's, or its kiosk does not answer.
pub fn reach(folder: &Path) -> Result<Kiosk, Failure> {
    check_folder(folder)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match socket::connect(folder) {
            Ok(stream) => {
                return Ok(Kiosk::Running(Connection {
                    stream: BufReader::new(stream),
                }));
            }
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {}
                _ => {
                    return Err(Failure::environment(format!(
                        "the kiosk's control socket in {} can't be reached: {error}",
                        folder.display()
                    )));
                }
            },
        }
        if let Some(profile) = Profile::open_if_free(folder)? {
            return Ok(Kiosk::Stored(Box::new(StoredProfile::open(profile)?)));
        }
        if Instant::now() >= deadline {
            return Err(Failure::environment(format!(
                "a kiosk uses {}, but has no control socket: it is just starting or ending, was started with --no-control-socket, or could not make one",
                folder.display()
            )));
        }
        // The system tells nobody within a limit that a lock is free.
        thread::sleep(LOCK_PAUSE);
    }
}

/// What another user puts into the folder, the kiosk could not use; and its socket answers nobody but its own.
fn check_folder(folder: &Path) -> Result<(), Failure> {
    let metadata = fs::metadata(folder).map_err(|error| {
        let reason = match error.kind() {
            io::ErrorKind::NotFound => "there is none; name another one with --profile".to_owned(),
            _ => error.to_string(),
        };
        Failure::environment(format!("the profile folder {}: {reason}", folder.display()))
    })?;
    let (owner, own) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner != own {
        return Err(Failure::environment(format!(
            "the profile folder {} belongs to another user: run this as that one, with `sudo -u '#{owner}'` say",
            folder.display()
        )));
    }
    Ok(())
}

impl Kiosk {
    /// Asks for something. A profile is free again when this returns: whoever reads the answer may take their time.
    ///
    /// # Errors
    /// If the kiosk ends meanwhile.
    pub fn ask(self, request: &Request) -> Result<Answers, Failure> {
        match self {
            Self::Running(mut connection) => {
                connection.send(request).map_err(|error| gone(&error))?;
                Ok(Answers::Running(connection))
            }
            Self::Stored(mut profile) => Ok(Answers::Stored(profile.answer(request))),
        }
    }
}

impl Connection {
    fn send(&mut self, request: &Request) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.set_read_timeout(Some(request.limit() + GRACE))?;
        let mut line = serde_json::to_string(request)?;
        line.push('\n');
        match stream.write_all(line.as_bytes()) {
            // It has said why before it has closed the connection.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

impl Answers {
    /// The next line; `None`: there is no more, or the kiosk has ended.
    ///
    /// # Errors
    /// If the kiosk takes too long, or says what this version does not know.
    pub fn next_line(&mut self) -> Result<Option<Line>, Failure> {
        let connection = match self {
            Self::Stored(answers) => return Ok(answers.next_line()),
            Self::Running(connection) => connection,
        };
        let mut line = Vec::new();
        let mut limited = (&mut connection.stream).take(MAX_ANSWER_LINE_BYTES);
        match limited.read_until(b'\n', &mut line) {
            Ok(0) => Ok(None),
            Ok(_) => serde_json::from_slice(&line)
                .map(Some)
                .map_err(|_| not_understood()),
            Err(error) => Err(gone(&error)),
        }
    }

    /// What follows may come at any time.
    pub fn wait_without_end(&mut self) {
        if let Self::Running(connection) = self {
            // It fails for a time of zero only.
            let _ = connection.stream.get_mut().set_read_timeout(None);
        }
    }

    /// What follows, as it is.
    ///
    /// # Errors
    /// If there is less.
    pub fn read_bytes(&mut self, count: u64) -> Result<Vec<u8>, Failure> {
        let Self::Running(connection) = self else {
            return Err(not_understood());
        };
        let mut bytes = Vec::new();
        let read = (&mut connection.stream).take(count).read_to_end(&mut bytes);
        match read {
            Ok(read) if read as u64 == count => Ok(bytes),
            Ok(_) => Err(Failure::unsuccessful("the kiosk has ended meanwhile")),
            Err(error) => Err(gone(&error)),
        }
    }
}

fn gone(error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            Failure::unsuccessful("the kiosk does not answer: it hangs, or was stopped")
        }
        _ => Failure::unsuccessful(format!("the kiosk has ended meanwhile: {error}")),
    }
}
