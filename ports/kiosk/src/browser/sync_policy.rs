//! Policies of background sync, as configurations name them.

use std::time::Duration;

use serde_json::{Value, json};
use servo::background_sync::Policy;

/// The policy with this name in a configuration file.
pub fn preset(name: &str) -> Option<Policy> {
    Some(match name {
        "standard" => Policy::standard(),
        "chromium" => Policy::chromium(),
        "every-minute" => Policy::every(Duration::from_secs(60)),
        "fleet" => Policy::fleet(),
        _ => return None,
    })
}

/// For the outbox app: retries fast enough to watch.
pub fn demonstration_policy() -> Policy {
    Policy {
        first_retry_delay_ms: 1_000,
        longest_retry_delay_ms: 5_000,
        retry_jitter_percent: 0,
        reconnect_retry_spread_ms: 0,
        event_cap_ms: 20_000,
        ..Policy::standard()
    }
}

/// The names of the policy's fields.
pub fn field_names() -> Vec<String> {
    match json!(Policy::default()) {
        Value::Object(fields) => fields.into_iter().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    }
}

/// The policy with one field changed.
///
/// # Errors
/// If there is no such field, or the value does not fit it.
pub fn with_field(policy: &Policy, name: &str, value: Value) -> Result<Policy, String> {
    let mut fields = json!(policy);
    fields[name] = value;
    serde_json::from_value(fields).map_err(|error| format!("`{name}`: {error}"))
}
