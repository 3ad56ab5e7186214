//! Whatever peers send. Input that starts with a 0 byte is one encoded message; any other input is
//! the steps of a session with a real manager.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use background_sync_fuzz::message;
use background_sync_fuzz::session::Session;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some((0, bytes)) = data.split_first() {
        message::check(bytes);
    } else if let Ok(session) = Session::arbitrary_take_rest(Unstructured::new(data)) {
        session.play();
    }
});
