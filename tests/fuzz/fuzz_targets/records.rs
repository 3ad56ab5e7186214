//! Whatever a profile holds. Input that starts with a version of a record is one record; input that
//! starts with another even byte is a profile for the core, with an odd one for a manager.

#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use background_sync_fuzz::profile::Profile;
use background_sync_fuzz::record;
use background_sync_store::{OTHER_KINDS_VERSION, RECORD_VERSION};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&kind, rest)) = data.split_first() else {
        return;
    };
    if [RECORD_VERSION, OTHER_KINDS_VERSION].contains(&kind) {
        record::check(data);
        return;
    }
    let Ok(profile) = Profile::arbitrary_take_rest(Unstructured::new(rest)) else {
        return;
    };
    if kind % 2 == 0 {
        profile.schedule()
    } else {
        profile.start()
    }
});
