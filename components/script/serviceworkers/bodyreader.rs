/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Reads a body whose stream belongs to a script, for somebody who does not.
//!
//! <https://fetch.spec.whatwg.org/#body-incrementally-read>

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use js::context::JSContext;
use js::jsval::UndefinedValue;
use js::realm::CurrentRealm;
use js::rust::HandleValue;
use js::typedarray::Uint8Array;

use crate::dom::bindings::conversions::get_property_jsval;
use crate::dom::bindings::error::Fallible;
use crate::dom::bindings::refcounted::Trusted;
use crate::dom::bindings::reflector::DomGlobal;
use crate::dom::bindings::root::Dom;
use crate::dom::promisenativehandler::{Callback, PromiseNativeHandler};
use crate::dom::readablestream::{ReadableStream, get_read_promise_done};
use crate::dom::serviceworkers::bodyflow::{BodySink, Incomplete, Wants};
use crate::dom::serviceworkers::bodyunderway::UnderWay;
use crate::realms::enter_auto_realm;

/// Locks `stream` and has it read to its end.
///
/// # Errors
/// If it is locked already.
pub(crate) fn read_body(
    cx: &mut JSContext,
    stream: &ReadableStream,
    sink: Arc<dyn BodySink>,
) -> Fallible<()> {
    stream.acquire_default_reader(cx)?;
    read(cx, stream, sink, Arc::default());
    Ok(())
}

fn read(
    cx: &mut JSContext,
    stream: &ReadableStream,
    sink: Arc<dyn BodySink>,
    under_way: Arc<UnderWay>,
) {
    let global = stream.global();
    let promise = stream.read_a_chunk(cx);
    let reading = |outcome| {
        Box::new(Reading {
            stream: Dom::from_ref(stream),
            sink: sink.clone(),
            under_way: under_way.clone(),
            outcome,
        }) as Box<dyn Callback>
    };
    let (fulfilled, rejected) = (reading(Outcome::Fulfilled), reading(Outcome::Rejected));
    let handler = PromiseNativeHandler::new(cx, &global, Some(fulfilled), Some(rejected));
    let mut realm = enter_auto_realm(cx, &*global);
    promise.append_native_handler(&mut realm.current_realm(), &handler);
}

#[derive(Clone, Copy, JSTraceable, MallocSizeOf, PartialEq)]
enum Outcome {
    Fulfilled,
    Rejected,
}

/// One chunk is being read.
#[derive(JSTraceable, MallocSizeOf)]
#[cfg_attr(crown, crown::unrooted_must_root_lint::must_root)]
struct Reading {
    stream: Dom<ReadableStream>,
    #[no_trace]
    #[ignore_malloc_size_of = "Arc"]
    sink: Arc<dyn BodySink>,
    #[no_trace]
    #[ignore_malloc_size_of = "Arc"]
    under_way: Arc<UnderWay>,
    outcome: Outcome,
}

impl Callback for Reading {
    fn callback(&self, cx: &mut CurrentRealm, value: HandleValue) {
        if self.outcome == Outcome::Rejected {
            return self.sink.end(Err(Incomplete));
        }
        match get_read_promise_done(cx, &value) {
            Ok(false) => {}
            Ok(true) => return self.sink.end(Ok(())),
            Err(_) => return self.sink.end(Err(Incomplete)),
        }
        let Some(chunk) = bytes_of_result(cx, value) else {
            // It stays locked, and nobody wants the rest of it.
            return self.sink.end(Err(Incomplete));
        };
        let chunk = self.under_way.send(Bytes::from(chunk));
        if self.sink.chunk(chunk) == Wants::Nothing {
            rooted!(&in(cx) let reason = UndefinedValue());
            let global = self.stream.global();
            self.stream.cancel(cx, &global, reason.handle());
            return;
        }
        if self.under_way.has_room() {
            return read(cx, &self.stream, self.sink.clone(), self.under_way.clone());
        }
        read_on(Paused {
            stream: Trusted::new(&*self.stream),
            sink: self.sink.clone(),
            under_way: self.under_way.clone(),
        });
    }
}

/// `None` if the result of a read has no bytes. An array that is empty is fine.
pub(crate) fn bytes_of_result(cx: &mut JSContext, result: HandleValue) -> Option<Vec<u8>> {
    rooted!(&in(cx) let object = result.to_object());
    rooted!(&in(cx) let mut value = UndefinedValue());
    get_property_jsval(cx, object.handle(), c"value", value.handle_mut()).ok()?;
    bytes_of_chunk(cx, value.handle())
}

/// `None` if the chunk is no `Uint8Array`, or has lost its buffer. Copied as a whole: the engine's own conversion asks the
/// array's iterator for one byte after the other.
pub(crate) fn bytes_of_chunk(cx: &mut JSContext, chunk: HandleValue) -> Option<Vec<u8>> {
    if !chunk.is_object() {
        return None;
    }
    auto_root!(&in(cx) let array = Uint8Array::from(chunk.to_object()).ok()?);
    array.to_vec()
}

/// A reader that waits until its sink has used what it has.
struct Paused {
    stream: Trusted<ReadableStream>,
    sink: Arc<dyn BodySink>,
    under_way: Arc<UnderWay>,
}

// A stream belongs to one thread.
thread_local! {
    static PAUSED: RefCell<HashMap<u64, Paused>> = RefCell::default();
    static LAST_PAUSE: Cell<u64> = const { Cell::new(0) };
}

/// Reads the next chunk in a task of its own, once there is room for it.
fn read_on(paused: Paused) {
    let number = LAST_PAUSE.get() + 1;
    LAST_PAUSE.set(number);
    let global = paused.stream.root().global();
    let task_source = global.task_manager().networking_task_source().to_sendable();
    let under_way = paused.under_way.clone();
    PAUSED.with_borrow_mut(|all| all.insert(number, paused));
    under_way.when_there_is_room(move || {
        task_source.queue(task!(read_on: move |cx| {
            let paused = PAUSED.with_borrow_mut(|all| all.remove(&number));
            if let Some(Paused { stream, sink, under_way }) = paused {
                read(cx, &stream.root(), sink, under_way);
            }
        }));
    });
}
