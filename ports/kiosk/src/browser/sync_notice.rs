//! What the manager of background sync tells.

use serde_json::{Value, json};
use servo::background_sync::SyncNotification;

/// What the manager told.
pub type SyncNotice = SyncNotification;

/// A notice as it goes to the control channel: the fields of the notification, and its name in `kind`.
pub fn notice_to_json(notice: &SyncNotice) -> Value {
    let mut line = json!({"event": "sync"});
    // Externally tagged: `{"Dispatched": {"tag": ...}}`.
    if let Value::Object(tagged) = json!(notice) {
        for (kind, fields) in tagged {
            if let Value::Object(fields) = fields {
                for (name, value) in fields {
                    line[name] = value;
                }
            }
            line["kind"] = kebab_case(&kind).into();
        }
    }
    // As a text: it may be none, for its code units.
    if let Some(tag) = notice.tag() {
        line["tag"] = tag.to_string_lossy().into();
    }
    line
}

fn kebab_case(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len() + 2);
    for (index, character) in name.char_indices() {
        if character.is_ascii_uppercase() && index > 0 {
            kebab.push('-');
        }
        kebab.push(character.to_ascii_lowercase());
    }
    kebab
}
