//! Listens on the control socket.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::connection;
use super::socket::{self, SocketFile};
use crate::message::Mailbox;

/// Connections at the same time.
pub const MAX_CONNECTIONS: usize = 16;

/// How long nobody is accepted after the system could accept nobody: it may be out of file descriptors.
const PAUSE_AFTER_FAULT: Duration = Duration::from_millis(200);

/// A control socket that is listened on. Its file goes when this is dropped.
#[derive(Debug)]
pub struct RemoteControl {
    accepted: Arc<AtomicU64>,
    _file: SocketFile,
}

impl RemoteControl {
    /// Listens in the profile's folder from now on.
    ///
    /// # Errors
    /// If there can be no socket.
    pub fn start(folder: &Path, mailbox: Mailbox) -> io::Result<Self> {
        let (listener, file) = socket::listen(folder)?;
        let accepted = Arc::<AtomicU64>::default();
        let count = accepted.clone();
        // The thread blocks until somebody connects; it ends with the process.
        thread::Builder::new()
            .name("ControlSocket".to_owned())
            .spawn(move || accept(&listener, &mailbox, &count))?;
        Ok(Self {
            accepted,
            _file: file,
        })
    }

    /// How many connections were accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }
}

fn accept(listener: &UnixListener, mailbox: &Mailbox, count: &AtomicU64) {
    // As many others hold it as there are connections.
    let places = Arc::new(());
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => {
                if let Some(stream) = admit(stream, &places) {
                    count.fetch_add(1, Ordering::SeqCst);
                    // Without threads there is no answer; the client sees that it is closed.
                    let _ = connection::start(stream, mailbox.clone(), places.clone());
                }
            }
            Err(_) => thread::sleep(PAUSE_AFTER_FAULT),
        }
    }
}

/// Nobody but the owner, whatever the permissions of the file are.
fn admit(stream: UnixStream, places: &Arc<()>) -> Option<UnixStream> {
    let refused = match socket::is_of_this_user(&stream) {
        Ok(true) if Arc::strong_count(places) <= MAX_CONNECTIONS => return Some(stream),
        Ok(true) => "the kiosk serves too many others: end some of them, or try again later",
        Ok(false) | Err(_) => "the kiosk belongs to another user",
    };
    connection::refuse(stream, refused);
    None
}
