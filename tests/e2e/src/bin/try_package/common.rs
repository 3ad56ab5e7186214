//! What the steps share.

use std::fs;
use std::path::Path;
use std::time::Duration;

use background_sync_e2e::debian::Debian;
use serde_json::Value;

/// The service of the kiosk, and its user.
pub const UNIT: &str = "background-sync-kiosk";

/// How long something may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a command prints once it succeeds.
pub fn ask_json(debian: &Debian, script: &str) -> Result<Value, String> {
    let printed = debian.run_until(script, PATIENCE)?;
    serde_json::from_str(&printed).map_err(|error| format!("{script} printed {printed:?}: {error}"))
}

pub fn expect(found: &Value, expected: &Value) -> Result<(), String> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{found}, not {expected}")),
    }
}

pub fn write(file: &Path, text: &str) -> Result<(), String> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(file, text));
    written.map_err(|error| format!("{}: {error}", file.display()))
}
