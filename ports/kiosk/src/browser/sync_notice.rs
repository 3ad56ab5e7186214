//! What the manager of background sync tells.

use serde_json::{Map, Value, json};
use servo::background_sync::SyncNotification;

/// What the manager told.
pub type SyncNotice = SyncNotification;

/// A notice as it goes to the control channel: the fields of the notification, and its name in `kind`. There are several for
/// each event of thousands, so what was serialized is added to, not copied.
pub fn notice_to_json(notice: &SyncNotice) -> Value {
    // Externally tagged: `{"Dispatched": {"tag": ...}}`; by its name alone if it has no fields.
    let (kind, mut line) = match json!(notice) {
        Value::Object(tagged) => match tagged.into_iter().next() {
            Some((kind, Value::Object(fields))) => (kind, fields),
            Some((kind, _)) => (kind, Map::new()),
            None => (String::new(), Map::new()),
        },
        Value::String(kind) => (kind, Map::new()),
        _ => (String::new(), Map::new()),
    };
    line.insert("event".to_owned(), "sync".into());
    line.insert("kind".to_owned(), kebab_case(&kind).into());
    // As a text: it may be none, for its code units.
    if let Some(tag) = notice.tag() {
        line.insert("tag".to_owned(), tag.to_string_lossy().into());
    }
    Value::Object(line)
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
