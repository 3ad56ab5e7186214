/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Tags, as scripts have them. A `DOMString` may have lone surrogates; Servo's is UTF-8, and loses them.

use std::{ptr::NonNull, slice};

use background_sync_traits::{Tag, TagTooLong};
use js::context::JSContext;
use js::conversions::{ToJSValConvertible, jsstr_to_string};
use js::jsapi::JS_DeprecatedStringHasLatin1Chars;
use js::jsval::{StringValue, UndefinedValue};
use js::rust::wrappers2::{JS_GetTwoByteStringCharsAndLength, JS_NewUCStringCopyN};
use js::rust::{HandleValue, MutableHandleValue, ToString};

use crate::dom::bindings::error::{Error, Fallible};

/// The JavaScript string that `value` becomes where a [`DOMString`](https://webidl.spec.whatwg.org/#es-DOMString) is asked
/// for.
///
/// # Errors
/// `JSFailed`: the conversion threw.
#[expect(unsafe_code)]
pub(crate) fn convert_to_string(
    cx: &mut JSContext,
    value: HandleValue,
    mut string: MutableHandleValue,
) -> Fallible<()> {
    // SAFETY: `value` is rooted, as its type says.
    let converted = NonNull::new(unsafe { ToString(cx, value) }).ok_or(Error::JSFailed)?;
    // SAFETY: the engine has just made it, and it is rooted before anything can be collected.
    string.set(StringValue(unsafe { converted.as_ref() }));
    Ok(())
}

/// The tag that `value` stands for in a call, or that it is too long.
///
/// # Errors
/// `JSFailed`: its conversion to a string threw.
#[expect(unsafe_code)]
pub(crate) fn parse_tag(
    cx: &mut JSContext,
    value: HandleValue,
) -> Fallible<Result<Tag, TagTooLong>> {
    rooted!(&in(cx) let mut string = UndefinedValue());
    convert_to_string(cx, value, string.handle_mut())?;
    let string = NonNull::new(string.to_string()).ok_or(Error::JSFailed)?;
    // SAFETY: the string is rooted above.
    if unsafe { JS_DeprecatedStringHasLatin1Chars(string.as_ptr()) } {
        // SAFETY: the same.
        let text = unsafe { jsstr_to_string(cx, string) };
        return Ok(Tag::try_from(text));
    }
    let mut length = 0;
    // SAFETY: it is rooted and not Latin-1. The engine owns the code units, and nothing of it runs while they are read.
    let code_units = unsafe {
        let first = JS_GetTwoByteStringCharsAndLength(cx, string.as_ptr(), &mut length);
        if first.is_null() {
            return Err(Error::JSFailed);
        }
        slice::from_raw_parts(first, length)
    };
    Ok(Tag::from_utf16(code_units))
}

/// A tag on its way to a script.
pub(crate) struct ScriptTag(pub(crate) Tag);

impl ToJSValConvertible for ScriptTag {
    #[expect(unsafe_code)]
    fn to_jsval(&self, cx: &mut JSContext, mut rval: MutableHandleValue) {
        if let Some(text) = self.0.to_str() {
            return text.to_jsval(cx, rval);
        }
        let code_units = self.0.to_utf16();
        // SAFETY: the engine copies as many as there are.
        let string = unsafe { JS_NewUCStringCopyN(cx, code_units.as_ptr(), code_units.len()) };
        let string = NonNull::new(string).expect("the engine has memory for a string");
        // SAFETY: the engine has just made it.
        rval.set(StringValue(unsafe { string.as_ref() }));
    }
}
