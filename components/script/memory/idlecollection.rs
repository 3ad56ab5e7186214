/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Collects the garbage of pages that have come to rest, and gives what is free back to the system. The engine collects
//! only while scripts allocate, and the allocator gives back only while it is used: a page that has nothing to do would
//! keep what its busiest hour took, which other processes of a small device need.
//!
//! What a script held may hold more: the bytes of a blob go after the collection that finds it dead, and the stream of a
//! request's body when the thread that would have sent it has let go of it. So a second collection follows the first.
//!
//! A thread that stays idle is not woken any more: one timer follows activity, one the first collection, and none the
//! second.

use std::cell::Cell;
use std::time::{Duration, Instant};

use js::context::JSContext;
use js::jsapi::{GCOptions, GCReason};
use js::rust::wrappers2::{NonIncrementalGC, PrepareForFullGC};
use timers::TimerEventRequest;

use crate::event_loop::script_thread::ScriptThread;

/// A thread that has handled no message for so long is idle.
const IDLE: Duration = Duration::from_secs(10);
/// How long after the first collection the second follows: until other threads have let go of what the first has freed.
const BETWEEN: Duration = Duration::from_secs(1);

/// Where a script thread is between activity and its collection.
#[derive(Clone, Copy)]
enum Rest {
    /// Nothing has happened since the second collection.
    Collected,
    /// A timer runs; the thread was last active at that time.
    Active(Instant),
    /// The timer has fired.
    Due(Instant),
    /// The first collection was made, and a timer runs.
    CollectedOnce,
    /// That timer has fired.
    DueAgain,
}

thread_local!(static REST: Cell<Rest> = const { Cell::new(Rest::Collected) });

/// To be called whenever a script thread has handled what had come in.
pub(crate) fn messages_handled(thread: &ScriptThread, cx: &mut JSContext) {
    let now = Instant::now();
    match REST.get() {
        Rest::Collected | Rest::CollectedOnce => {
            REST.set(Rest::Active(now));
            wake_after(thread, IDLE);
        }
        Rest::Active(_) => REST.set(Rest::Active(now)),
        Rest::Due(last) => match IDLE.checked_sub(now.duration_since(last)) {
            Some(rest) if !rest.is_zero() => {
                REST.set(Rest::Active(last));
                wake_after(thread, rest);
            }
            _ => {
                collect(cx);
                REST.set(Rest::CollectedOnce);
                wake_after(thread, BETWEEN);
            }
        },
        Rest::DueAgain => {
            collect(cx);
            REST.set(Rest::Collected);
        }
    }
}

fn wake_after(thread: &ScriptThread, duration: Duration) {
    // The callback runs on this thread.
    let callback = || match REST.get() {
        Rest::Active(last) => REST.set(Rest::Due(last)),
        Rest::CollectedOnce => REST.set(Rest::DueAgain),
        Rest::Collected | Rest::Due(_) | Rest::DueAgain => {}
    };
    thread.schedule_timer(TimerEventRequest {
        callback: Box::new(callback),
        duration,
    });
}

#[expect(unsafe_code)]
fn collect(cx: &mut JSContext) {
    // SAFETY: nothing that is not rooted is used after it.
    unsafe {
        PrepareForFullGC(cx);
        NonIncrementalGC(cx, GCOptions::Shrink, GCReason::API);
    }
    give_free_memory_back();
}

/// Collects all garbage of this thread, and keeps what will be needed again soon.
#[expect(unsafe_code)]
pub(crate) fn collect_garbage(cx: &mut JSContext) {
    // SAFETY: nothing that is not rooted is used after it.
    unsafe {
        PrepareForFullGC(cx);
        NonIncrementalGC(cx, GCOptions::Normal, GCReason::API);
    }
}

/// Returns the pages of all heaps that nothing uses to the system. Takes milliseconds.
#[expect(unsafe_code)]
pub(crate) fn give_free_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            fn malloc_trim(pad: usize) -> std::ffi::c_int;
        }
        // SAFETY: it takes the allocator's own locks and touches only what is free.
        unsafe { malloc_trim(0) };
    }
}
