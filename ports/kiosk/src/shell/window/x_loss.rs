//! What is done when the X server goes.
//!
//! Xlib ends the process at that moment, by `exit`, from within whatever the window's library was asking for, and there is no
//! safe way to tell it otherwise. But the first thing that `exit` does is to drop what its thread keeps for itself alone, so
//! that is where the kiosk begins again: before the destructors of the engine's static objects, which would crash, since its
//! other threads still run.

use std::cell::RefCell;
use std::sync::Arc;

use x11rb::protocol::xproto::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use crate::kiosk::Program;

thread_local! {
    static AT_EXIT: AtExit = const { AtExit(RefCell::new(None)) };
}

struct AtExit(RefCell<Option<Loss>>);

/// What is to be done if the server has gone.
struct Loss {
    connection: Arc<RustConnection>,
    program: Arc<Program>,
}

impl Drop for AtExit {
    fn drop(&mut self) {
        let Some(Loss {
            connection,
            program,
        }) = self.0.take()
        else {
            return;
        };
        // Something else may end the process as well, such as a panic. Xlib's connection and this one end together.
        let asked = connection.get_input_focus();
        if asked.is_ok_and(|answer| answer.reply().is_ok()) {
            return;
        }
        eprintln!("kiosk: the X server is gone: the kiosk begins again");
        // The engine can't end in order any more. What was promised is stored.
        eprintln!("kiosk: {}", program.run_again());
    }
}

/// If the process ends on this thread because the server of this connection has gone, the program begins again.
pub(super) fn begin_again(connection: Arc<RustConnection>, program: Arc<Program>) {
    let loss = Loss {
        connection,
        program,
    };
    AT_EXIT.with(|at_exit| at_exit.0.replace(Some(loss)));
}

/// From now on, an end of the process is one.
pub(super) fn expect_exit() {
    AT_EXIT.with(|at_exit| at_exit.0.take());
}
