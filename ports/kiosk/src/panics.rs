//! Panics of the engine's threads.

use std::panic;

/// Tells the engine of panics, which it hears of by its log alone: without that, a page that has crashed stays as it is,
/// and nobody is told.
pub fn report_to_engine() {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        print(info);
        log::error!(
            "{}",
            info.payload_as_str().unwrap_or("a panic of unknown reason")
        );
    }));
}
