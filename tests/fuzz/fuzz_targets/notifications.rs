//! The list of notifications. Input that starts with the version of its file is what follows the check there; other input
//! is a session.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use background_sync_fuzz::notifications::{self, FILE_VERSION, Step};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&kind, rest)) = data.split_first() else {
        return;
    };
    if kind == FILE_VERSION {
        return notifications::check_file(rest);
    }
    if let Ok(steps) = Vec::<Step>::arbitrary_take_rest(Unstructured::new(rest)) {
        notifications::run(steps);
    }
});
