//! What is done when the X server goes.
//!
//! Xlib ends the process at that moment, by `exit`, from within whatever the window's library was asking for, and there is no
//! safe way to tell it otherwise. But the first thing that `exit` does is to drop what its thread keeps for itself alone, so
//! that is where the kiosk begins again: before the destructors of the engine's static objects, which would crash, since its
//! other threads still run.
//!
//! Xlib may never notice, though: Mesa's software renderer, if the server goes while it sends a picture by XCB, tries for ever
//! to send the rest. So the thread that follows the server begins again as well, and whichever of the two is first does it.

use std::cell::RefCell;
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use x11rb::protocol::xproto::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

use crate::kiosk::Program;

thread_local! {
    static AT_EXIT: AtExit = const { AtExit(RefCell::new(None)) };
}

struct AtExit(RefCell<Option<Arc<XLoss>>>);

impl Drop for AtExit {
    fn drop(&mut self) {
        // Something else may end the process as well, such as a panic.
        if let Some(loss) = self.0.take().filter(|loss| loss.is_server_gone()) {
            loss.begin_again();
        }
    }
}

/// What is to be done if the server has gone.
pub(super) struct XLoss {
    connection: Arc<RustConnection>,
    /// Locked while it is run, so that the process does not end meanwhile. `None` if the end of the process is one.
    program: Mutex<Option<Arc<Program>>>,
}

impl XLoss {
    /// If the process ends on this thread because the server of this connection has gone, the program begins again.
    pub(super) fn at_exit(connection: Arc<RustConnection>, program: Arc<Program>) -> Arc<Self> {
        let loss = Arc::new(Self {
            connection,
            program: Mutex::new(Some(program)),
        });
        AT_EXIT.with(|at_exit| at_exit.0.replace(Some(loss.clone())));
        loss
    }

    /// To be called on a thread that no longer hears of the server.
    pub(super) fn begin_again_or_abort(&self) {
        // What it heard may be what it could not read.
        if self.is_server_gone() && self.begin_again() {
            // There is no window, and the main thread may wait for the server for ever.
            process::abort();
        }
    }

    /// Xlib's connection and this one end together.
    fn is_server_gone(&self) -> bool {
        let asked = self.connection.get_input_focus();
        !asked.is_ok_and(|answer| answer.reply().is_ok())
    }

    /// Returns only if the program can't be run, then true, or if the end of the process is one.
    fn begin_again(&self) -> bool {
        let program = self.program();
        if let Some(program) = &*program {
            eprintln!("kiosk: the X server is gone: the kiosk begins again");
            // The engine can't end in order any more. What was promised is stored.
            eprintln!("kiosk: {}", program.run_again());
        }
        program.is_some()
    }

    /// From now on, an end of the process is one.
    pub(super) fn expect_exit(&self) {
        AT_EXIT.with(|at_exit| at_exit.0.take());
        self.program().take();
    }

    fn program(&self) -> MutexGuard<'_, Option<Arc<Program>>> {
        self.program.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
