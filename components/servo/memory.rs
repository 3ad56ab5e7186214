/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! How the process's allocator is to work for a browser that runs for months.

/// Has the allocator keep little that nothing uses. To be called first thing in `main`: heaps that threads have by then stay.
///
/// glibc's gives each of many threads a heap of its own, and what a thread that has ended leaves free there is of little use
/// to the others; and once a large block was freed, it takes blocks of up to that size, 32 MiB at most, from these heaps,
/// which are full of holes after them. A browser that opens and closes windows grew by 65 kB each. With this there are as
/// many heaps as processors, and large blocks go back to the system as they are freed. It costs the threads some waiting for
/// each other.
///
/// It does nothing where the allocator is another one than glibc's.
pub fn keep_little_free_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    glibc::keep_little_free_memory();
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use std::ffi::c_int;
    use std::num::NonZero;
    use std::ops::RangeInclusive;
    use std::thread;

    /// How many heaps there are, whatever the processors. One for all would have each thread wait for the others.
    const HEAPS: RangeInclusive<usize> = 2..=8;
    /// What is as large is no part of a heap, in bytes: more than the pieces in which a body travels, each of which would
    /// else come from the system and go back to it, and little enough not to leave holes that count.
    const LARGE: c_int = 1024 * 1024;
    /// How much of its end a heap keeps free, in bytes, for the same reason.
    const KEPT: c_int = 1024 * 1024;

    /// Names of <malloc.h>.
    const M_TRIM_THRESHOLD: c_int = -1;
    const M_MMAP_THRESHOLD: c_int = -3;
    const M_ARENA_MAX: c_int = -8;

    unsafe extern "C" {
        safe fn mallopt(parameter: c_int, value: c_int) -> c_int;
    }

    pub(super) fn keep_little_free_memory() {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let heaps = processors.clamp(*HEAPS.start(), *HEAPS.end());
        for (parameter, value) in [
            (M_ARENA_MAX, heaps as c_int),
            (M_MMAP_THRESHOLD, LARGE),
            (M_TRIM_THRESHOLD, KEPT),
        ] {
            if mallopt(parameter, value) == 0 {
                log::warn!("The allocator does not take {value} for its parameter {parameter}.");
            }
        }
    }
}
