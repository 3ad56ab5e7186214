//! The log of the store. Input is a session: commits, ends of the process, and what happens to the bytes of the log.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use background_sync_fuzz::log::{self, Step};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(steps) = Vec::<Step>::arbitrary_take_rest(Unstructured::new(data)) {
        log::run(steps);
    }
});
