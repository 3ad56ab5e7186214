//! The types of the engine's preferences.

use servo::{PrefValue, Preferences};

/// Whether a value fits the preference with this name.
///
/// # Errors
/// If there is no such preference, or the value has another type.
pub fn check(name: &str, value: &serde_json::Value) -> Result<(), String> {
    let value = PrefValue::try_from(value)
        .map_err(|error| format!("the value of `{name}` can't be used: {error}"))?;
    fitting(name, value).map(|_| ())
}

/// A value in the type of the preference with this name.
///
/// # Errors
/// If there is no such preference, or the value can't be of its type.
pub fn fitting(name: &str, value: PrefValue) -> Result<PrefValue, String> {
    if !Preferences::exists(name) {
        return Err(format!("Servo has no preference `{name}`"));
    }
    let value = match (Preferences::type_of(name), value) {
        ("f64", PrefValue::Int(number)) => PrefValue::Float(number as f64),
        ("u64", PrefValue::Int(number)) if number >= 0 => PrefValue::UInt(number.unsigned_abs()),
        // A text may look like a number or a truth value on the command line.
        ("alloc::string::String", PrefValue::Int(number)) => PrefValue::Str(number.to_string()),
        ("alloc::string::String", PrefValue::Float(number)) => PrefValue::Str(number.to_string()),
        ("alloc::string::String", PrefValue::Bool(truth)) => PrefValue::Str(truth.to_string()),
        (_, value) => value,
    };
    let (expected, fits) = match Preferences::type_of(name) {
        "bool" => ("true or false", matches!(value, PrefValue::Bool(_))),
        "i64" => ("a whole number", matches!(value, PrefValue::Int(_))),
        "u64" => (
            "a whole number from 0 on",
            matches!(value, PrefValue::UInt(_)),
        ),
        "f64" => ("a number", matches!(value, PrefValue::Float(_))),
        "alloc::string::String" => ("a text", matches!(value, PrefValue::Str(_))),
        "[f64; 4]" => (
            "four numbers",
            matches!(&value, PrefValue::Array(items) if items.len() == 4
                && items.iter().all(|item| matches!(item, PrefValue::Float(_)))),
        ),
        _ => ("of a type that can be set here", false),
    };
    match fits {
        true => Ok(value),
        false => Err(format!("the value of `{name}` must be {expected}")),
    }
}
