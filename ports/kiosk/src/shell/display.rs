//! Whether there is a display, and what to do until there is one.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::failure::Failure;
use crate::message::{Mailbox, Message};

/// How often a display that is not there yet is looked for: nobody tells when it comes.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Whether the environment names a display.
pub fn is_named() -> bool {
    Display::of_environment().is_some()
}

/// Whether the display that the environment names is an X server.
pub fn is_x() -> bool {
    Display::of_environment() == Some(Display::X)
}

/// Whether the display that the environment names takes connections now.
pub fn is_there() -> bool {
    Display::of_environment().is_some_and(|display| display.is_there())
}

/// Tells when the display takes connections, with [`Message::DisplayCame`].
pub fn await_display(mailbox: Mailbox) {
    thread::spawn(move || {
        while !is_there() {
            thread::sleep(LOOK_AGAIN);
        }
        mailbox.send(Message::DisplayCame);
    });
}

/// The sentence for a display that is not there or refuses. winit's own begins with a position in its source.
pub fn no_window(error: &dyn fmt::Display) -> Failure {
    let text = error.to_string();
    let reason = text.rsplit(": ").next().unwrap_or(&text);
    Failure::environment(format!(
        "no window can be opened ({reason}); use --headless to run without one"
    ))
}

/// The display that the environment names: the one that the window would be opened on.
#[derive(Debug, PartialEq, Eq)]
enum Display {
    /// A Wayland compositor's socket.
    Wayland(PathBuf),
    /// A connection to a Wayland compositor that this process was given.
    Inherited,
    /// An X server.
    X,
}

impl Display {
    fn of_environment() -> Option<Self> {
        Self::choose(|name| env::var_os(name).filter(|value| !value.is_empty()))
    }

    /// In the order in which the window's library looks.
    fn choose(variable: impl Fn(&str) -> Option<OsString>) -> Option<Self> {
        if let Some(name) = variable("WAYLAND_DISPLAY") {
            let folder = variable("XDG_RUNTIME_DIR").unwrap_or_default();
            // A name that is a whole path stays as it is.
            return Some(Self::Wayland(PathBuf::from(folder).join(name)));
        }
        if variable("WAYLAND_SOCKET").is_some() {
            return Some(Self::Inherited);
        }
        variable("DISPLAY").map(|_| Self::X)
    }

    fn is_there(&self) -> bool {
        match self {
            Self::Wayland(path) => UnixStream::connect(path).is_ok(),
            Self::Inherited => true,
            Self::X => x11rb::connect(None).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(variables: &[(&str, &str)]) -> Option<Display> {
        Display::choose(|name| {
            let found = variables.iter().find(|(given, _)| *given == name);
            found.map(|(_, value)| OsString::from(value))
        })
    }

    #[test]
    fn wayland_comes_before_x() {
        let folder = ("XDG_RUNTIME_DIR", "/run/user/7");
        let display = choose(&[("DISPLAY", ":0"), ("WAYLAND_DISPLAY", "wayland-1"), folder]);
        let socket = PathBuf::from("/run/user/7/wayland-1");
        assert_eq!(display, Some(Display::Wayland(socket)));
        let display = choose(&[("WAYLAND_DISPLAY", "/tmp/socket"), folder]);
        assert_eq!(display, Some(Display::Wayland("/tmp/socket".into())));
        let display = choose(&[("DISPLAY", ":0"), ("WAYLAND_SOCKET", "7")]);
        assert_eq!(display, Some(Display::Inherited));
        assert_eq!(choose(&[("DISPLAY", ":0"), folder]), Some(Display::X));
        assert_eq!(choose(&[folder]), None);
    }

    #[test]
    fn a_socket_that_nobody_listens_at_is_no_display() {
        let folder = tempfile::tempdir().expect("a writable folder");
        let path = folder.path().join("wayland-1");
        let display = Display::Wayland(path.clone());
        assert!(!display.is_there());
        let listener = std::os::unix::net::UnixListener::bind(&path).expect("a short path");
        assert!(display.is_there());
        // The file stays behind.
        drop(listener);
        assert!(!display.is_there());
    }
}
