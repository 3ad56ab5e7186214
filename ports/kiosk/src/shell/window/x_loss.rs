//! What is done when the X server goes.
//!
//! Xlib ends the process at that moment, by `exit`, from within whatever the window's library was asking for, and there is no
//! safe way to tell it otherwise. But the first thing that `exit` does is to drop what its thread keeps for itself alone, so
//! that is where the kiosk begins again: before the destructors of the engine's static objects, which would crash, since its
//! other threads still run.

use std::cell::RefCell;
use std::sync::Arc;

use crate::kiosk::Program;

thread_local! {
    static AT_EXIT: AtExit = const { AtExit(RefCell::new(None)) };
}

struct AtExit(RefCell<Option<Arc<Program>>>);

impl Drop for AtExit {
    fn drop(&mut self) {
        if let Some(program) = self.0.take() {
            eprintln!("kiosk: the X server is gone: the kiosk begins again");
            // The engine can't end in order any more. What was promised is stored.
            eprintln!("kiosk: {}", program.run_again());
        }
    }
}

/// The program begins again if something other than [`expect_exit`]'s caller ends the process on this thread.
pub(super) fn begin_again_at_exit(program: Arc<Program>) {
    AT_EXIT.with(|at_exit| at_exit.0.replace(Some(program)));
}

/// From now on, an end of the process is one.
pub(super) fn expect_exit() {
    AT_EXIT.with(|at_exit| at_exit.0.take());
}
