//! The flags that stock wptrunner gives its product `servo`, as servoshell and the kiosk have them.

use std::fs;
use std::path::{Path, PathBuf};

use servo::{Opts, PrefValue, Preferences};
use url::Url;

/// What the kiosk has on, too, unless a flag or a file says otherwise. A test in `xtask` compares the lists.
const KIOSK_PREFERENCES: &[&str] = &[
    "dom_serviceworker_enabled",
    "dom_indexeddb_enabled",
    "dom_permissions_enabled",
    "dom_storage_manager_api_enabled",
    "dom_notification_enabled",
];

/// What `--enable-experimental-web-platform-features` turns on: the kiosk's list, which is servoshell's.
const EXPERIMENTAL_PREFERENCES: &[&str] = &[
    "dom_async_clipboard_enabled",
    "dom_exec_command_enabled",
    "dom_fontface_enabled",
    "dom_indexeddb_enabled",
    "dom_intersection_observer_enabled",
    "dom_navigator_protocol_handlers_enabled",
    "dom_notification_enabled",
    "dom_offscreen_canvas_enabled",
    "dom_permissions_enabled",
    "dom_sanitizer_enabled",
    "dom_storage_manager_api_enabled",
    "dom_webgl2_enabled",
    "dom_webgpu_enabled",
    "layout_columns_enabled",
    "layout_container_queries_enabled",
    "layout_variable_fonts_enabled",
];

/// What the command line asks for.
pub enum Request {
    /// To say which Servo this is.
    Version,
    /// To show a page.
    Show(Box<Arguments>),
}

/// How a page is to be shown.
pub struct Arguments {
    /// The page.
    pub url: Url,
    /// Preferences of the engine.
    pub preferences: Preferences,
    /// Options of the engine.
    pub options: Opts,
    /// Style sheets for every page.
    pub user_stylesheets: Vec<PathBuf>,
}

/// Reads the command line. What `--pref` says wins over files, and those over everything else.
///
/// # Errors
/// If a flag is unknown or lacks its value, a file can't be read, or there is no URL.
pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Request, String> {
    let mut words = words.into_iter();
    let mut url = None;
    let mut options = Opts {
        hard_fail: false,
        ..Opts::default()
    };
    let mut preferences = Preferences {
        // The servers of the tests are on this machine.
        network_http_proxy_uri: String::new(),
        network_https_proxy_uri: String::new(),
        ..Preferences::default()
    };
    turn_on(&mut preferences, KIOSK_PREFERENCES);
    let mut files = Vec::new();
    let mut flags = Vec::new();
    let mut user_stylesheets = Vec::new();
    while let Some(word) = words.next() {
        let mut value = || {
            words
                .next()
                .ok_or_else(|| format!("{word} lacks its value"))
        };
        match word.as_str() {
            "-v" | "--version" => return Ok(Request::Version),
            // There is nothing else here.
            "-z" | "--headless" => {}
            "-f" | "--hard-fail" => options.hard_fail = true,
            "-u" | "--user-agent" => preferences.user_agent = value()?,
            "--ignore-certificate-errors" => options.ignore_certificate_errors = true,
            "--certificate-path" => options.certificate_path = Some(value()?),
            "--enable-experimental-web-platform-features" => {
                turn_on(&mut preferences, EXPERIMENTAL_PREFERENCES);
            }
            "--user-stylesheet" => user_stylesheets.push(PathBuf::from(value()?)),
            "--pref" => flags.push(value()?),
            "--prefs-file" => files.push(PathBuf::from(value()?)),
            flag if flag.starts_with('-') => return Err(format!("there is no flag {flag}")),
            text => {
                let parsed = Url::parse(text).map_err(|error| format!("`{text}`: {error}"))?;
                url = Some(parsed);
            }
        }
    }
    for file in files {
        read_preferences(&mut preferences, &file)?;
    }
    for flag in flags {
        let (name, value) = flag.split_once('=').unwrap_or((flag.as_str(), "true"));
        set(
            &mut preferences,
            name,
            PrefValue::from_booleanish_str(value),
        )?;
    }
    Ok(Request::Show(Box::new(Arguments {
        url: url.ok_or("usage: unpatched [FLAG...] URL")?,
        preferences,
        options,
        user_stylesheets,
    })))
}

fn turn_on(preferences: &mut Preferences, names: &[&str]) {
    for name in names.iter().filter(|name| Preferences::exists(name)) {
        preferences.set_value(name, PrefValue::Bool(true));
    }
}

fn read_preferences(preferences: &mut Preferences, file: &Path) -> Result<(), String> {
    let unusable = |reason| format!("the preferences {} can't be read: {reason}", file.display());
    let text = fs::read_to_string(file).map_err(|error| unusable(error.to_string()))?;
    let values: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&text).map_err(|error| unusable(error.to_string()))?;
    for (name, value) in &values {
        set(preferences, name, PrefValue::try_from(value)?)?;
    }
    Ok(())
}

/// The engine's own setter panics on a name that it does not know.
fn set(preferences: &mut Preferences, name: &str, value: PrefValue) -> Result<(), String> {
    if !Preferences::exists(name) {
        return Err(format!("Servo has no preference `{name}`"));
    }
    preferences.set_value(name, value);
    Ok(())
}
