//! The Cache API's store. Input that starts with the version of a stored pair is one; other input is a session.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use background_sync_fuzz::caches::{self, Step};
use cache_storage::SCHEMA_VERSION;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&kind, rest)) = data.split_first() else {
        return;
    };
    if kind == SCHEMA_VERSION {
        return caches::check_record(data);
    }
    if let Ok(steps) = Vec::<Step>::arbitrary_take_rest(Unstructured::new(rest)) {
        caches::run(steps);
    }
});
