//! Scripts that the kiosk runs in the page.

use serde_json::{Map, Value};
use servo::{JSValue, JavaScriptEvaluationError, WebView};

/// Runs a script and hands on its value.
pub fn evaluate(page: &WebView, script: &str, done: impl FnOnce(Result<Value, String>) + 'static) {
    page.evaluate_javascript(script, |result| {
        done(result.map(to_json).map_err(|error| describe(&error)));
    });
}

/// Finds the middle of the first element that matches a selector, in CSS pixels of the viewport.
pub fn locate(
    page: &WebView,
    selector: &str,
    done: impl FnOnce(Result<(f32, f32), String>) + 'static,
) {
    let selector_text = Value::from(selector).to_string();
    let script = format!(
        "(() => {{ const element = document.querySelector({selector_text}); \
         if (!element) return null; const box = element.getBoundingClientRect(); \
         return [box.left + box.width / 2, box.top + box.height / 2]; }})()"
    );
    let selector = selector.to_owned();
    page.evaluate_javascript(script, move |result| {
        done(match result {
            Ok(JSValue::Array(numbers)) => match numbers[..] {
                [JSValue::Number(x), JSValue::Number(y)] => Ok((x as f32, y as f32)),
                _ => Err(format!("`{selector}` has no position")),
            },
            Ok(_) => Err(format!("no element matches `{selector}`")),
            Err(error) => Err(describe(&error)),
        });
    });
}

fn describe(error: &JavaScriptEvaluationError) -> String {
    match error {
        JavaScriptEvaluationError::DocumentNotFound => "the page is gone".to_owned(),
        JavaScriptEvaluationError::CompilationFailure => "the script has a syntax error".to_owned(),
        JavaScriptEvaluationError::EvaluationFailure(Some(thrown)) => thrown.message.clone(),
        JavaScriptEvaluationError::EvaluationFailure(None) => "the script threw".to_owned(),
        JavaScriptEvaluationError::InternalError => "the engine failed".to_owned(),
        JavaScriptEvaluationError::WebViewNotReady => "the page is being replaced".to_owned(),
        JavaScriptEvaluationError::SerializationError(_) => {
            "the script's value can't be written as JSON".to_owned()
        }
    }
}

/// Whether a number is a whole one that JSON writes without a fraction, exactly.
fn is_whole(number: f64) -> bool {
    const LARGEST_EXACT: f64 = 9_007_199_254_740_991.0;
    number.fract() == 0.0 && number.abs() <= LARGEST_EXACT
}

fn to_json(value: JSValue) -> Value {
    match value {
        JSValue::Undefined | JSValue::Null => Value::Null,
        JSValue::Boolean(truth) => truth.into(),
        JSValue::Number(number) if is_whole(number) => (number as i64).into(),
        JSValue::Number(number) => number.into(),
        JSValue::String(text)
        | JSValue::Element(text)
        | JSValue::ShadowRoot(text)
        | JSValue::Frame(text)
        | JSValue::Window(text) => text.into(),
        JSValue::Array(items) => items.into_iter().map(to_json).collect(),
        JSValue::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| (name, to_json(value)))
                .collect::<Map<_, _>>(),
        ),
    }
}
