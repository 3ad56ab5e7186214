/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Lets go of what SpiderMonkey keeps from one task to the next: the targets of WeakRefs, which stay until it is told that
//! the task has ended, and the memory of its parser and its interpreter.
//!
//! A collection puts the unused blocks of these two into a list, and a helper thread empties the list after the next
//! collection of the nursery, but only if anything else is to be freed as well: `LifoAlloc::isEmpty()` does not count
//! unused blocks. A page whose young objects own no buffers lost two blocks of 4 KiB to each collection, and so to each
//! reload.

use std::cell::Cell;
use std::ffi::c_char;
use std::time::{Duration, Instant};

use js::context::JSContext;
use js::jsapi::JSGCParamKey;
use js::rust::wrappers2::{ClearKeptObjects, JS_GetGCParameter, JS_NewStringCopyN};

use crate::dom::bindings::root::DomRoot;
use crate::dom::globalscope::GlobalScope;
use crate::dom::memory::idlecollection::{collect_garbage, give_free_memory_back};
use crate::realms::enter_auto_realm;

/// More than fits into the nursery's own memory, in bytes.
const BUFFER: &[u8] = &[b' '; 2048];

/// How often a thread that never rests collects garbage, at most. The engine itself collects after so many bytes: a thread
/// that makes little garbage would have it for hours, and each thread has its own.
const BETWEEN_COLLECTIONS: Duration = Duration::from_secs(10);
/// It spends no more of its time on that than one part in so many. A large heap is collected less often.
const TIME_FOR_EACH: u32 = 1_000;

/// How often a thread that never rests gives back what its collections have freed, at most. It takes milliseconds.
const BETWEEN: Duration = Duration::from_secs(10);

thread_local!(
    /// When this thread collects garbage next, if it does anything then.
    static NEXT_COLLECTION: Cell<Option<Instant>> = const { Cell::new(None) };
    /// The number of collections after which this thread last made a young object with a buffer.
    static COLLECTIONS: Cell<u32> = const { Cell::new(0) };
    /// When this thread last gave back what was free.
    static GIVEN_BACK: Cell<Option<Instant>> = const { Cell::new(None) }
);

/// To be called at the end of a microtask checkpoint, with the globals of its event loop.
#[expect(unsafe_code)]
pub(crate) fn checkpoint_ended(cx: &mut JSContext, globals: &[DomRoot<GlobalScope>]) {
    // SAFETY: it needs nothing but the context.
    unsafe { ClearKeptObjects(cx) };
    collect_now_and_then(cx);

    // SAFETY: as above.
    let collections = unsafe { JS_GetGCParameter(cx, JSGCParamKey::JSGC_MAJOR_GC_NUMBER) };
    if collections == COLLECTIONS.get() {
        return;
    }
    let Some(global) = globals.first() else {
        return;
    };
    COLLECTIONS.set(collections);
    give_back_now_and_then();
    let mut realm = enter_auto_realm(cx, &**global);
    // Garbage at once: the next collection of the nursery has its buffer to free, and the blocks with it.
    // SAFETY: the bytes are Latin-1 and outlive the call, which copies them. Without memory it is null, and nothing is lost.
    unsafe { JS_NewStringCopyN(&mut realm, BUFFER.as_ptr().cast::<c_char>(), BUFFER.len()) };
}

fn collect_now_and_then(cx: &mut JSContext) {
    let now = Instant::now();
    let next = NEXT_COLLECTION.get();
    if next.is_some_and(|next| now < next) {
        return;
    }
    // Not at the first checkpoint, as a page is still being loaded then, and not after a rest: what wakes a thread, such as a
    // person, need not wait for what is collected in idleness anyway.
    if next.is_some_and(|next| now < next + BETWEEN_COLLECTIONS) {
        collect_garbage(cx);
    }
    let pause = BETWEEN_COLLECTIONS.max(now.elapsed() * TIME_FOR_EACH);
    NEXT_COLLECTION.set(Some(Instant::now() + pause));
}

/// A thread that is always busy is never collected in idleness, where memory is given back otherwise, and its heap would have
/// more and more holes.
fn give_back_now_and_then() {
    let now = Instant::now();
    let last = GIVEN_BACK.get();
    if last.is_some_and(|last| now.duration_since(last) < BETWEEN) {
        return;
    }
    GIVEN_BACK.set(Some(now));
    // Not at the first collection: a page is still being loaded then.
    if last.is_some() {
        give_free_memory_back();
    }
}
