//! The engine's preferences and options, from the command line, files and the kiosk's own needs.

use std::fs;
use std::path::Path;

use servo::{Opts, PrefValue, Preferences};

use crate::arguments::Arguments;
use crate::browser::background_sync;
use crate::config::Config;
use crate::config::values::NoProxy;
use crate::failure::Failure;
use crate::preference_value::fitting;
use crate::profile::Profile;

/// What a web app that works offline needs, on unless a flag or a file says otherwise.
const KIOSK_PREFERENCES: &[&str] = &[
    "dom_serviceworker_enabled",
    "dom_indexeddb_enabled",
    // Pages ask it whether they may sync.
    "dom_permissions_enabled",
    // `navigator.storage`: how much is stored, and how much may be.
    "dom_storage_manager_api_enabled",
    #[cfg(feature = "offline")]
    "dom_notification_enabled",
    background_sync::PREFERENCE,
];

/// What objects of scripts may hold outside the script engine's heap, in megabytes, before it collects. Servo's own is 38,
/// which lets each thread of scripts that fetches or gets messages grow by 50 MiB of garbage; with 2 it is 3 MiB, in the same
/// time.
const GARBAGE_MB: i64 = 2;

/// What no proxy leads to.
const THIS_MACHINE: &[&str] = &["localhost", "127.0.0.0/8", "::1"];

/// What `--enable-experimental-web-platform-features` turns on; servoshell's list.
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

/// Gathers the preferences: the kiosk's, then those of the configuration file, of `--prefs-file`, of `--pref`. Later
/// ones win.
///
/// # Errors
/// If a file can't be read, a name is unknown or a value has the wrong type.
pub fn preferences(arguments: &Arguments, config: &Config) -> Result<Preferences, Failure> {
    let mut preferences = Preferences {
        // Proxies of the environment are for command line tools, not for the app of an unattended device.
        network_http_proxy_uri: String::new(),
        network_https_proxy_uri: String::new(),
        js_mem_gc_malloc_threshold_base_mb: GARBAGE_MB,
        ..Preferences::default()
    };
    for name in KIOSK_PREFERENCES {
        set(&mut preferences, name, PrefValue::Bool(true), "the kiosk")?;
    }
    if arguments.enable_experimental_web_platform_features {
        // A name that this Servo does not know is a feature that it always has, or never.
        for name in EXPERIMENTAL_PREFERENCES
            .iter()
            .filter(|name| Preferences::exists(name))
        {
            set(&mut preferences, name, PrefValue::Bool(true), "the kiosk")?;
        }
    }
    if let Some(user_agent) = &arguments.user_agent {
        preferences.user_agent.clone_from(user_agent);
    }
    if let Some(proxy) = arguments
        .unattended
        .proxy
        .as_ref()
        .or(config.proxy.as_ref())
    {
        preferences.network_http_proxy_uri = proxy.to_string();
        preferences.network_https_proxy_uri = proxy.to_string();
        let others = config.no_proxy.iter().map(|NoProxy(name)| name.as_str());
        let hosts: Vec<_> = THIS_MACHINE.iter().copied().chain(others).collect();
        preferences.network_http_no_proxy = hosts.join(",");
    }
    set_all(
        &mut preferences,
        &config.preferences,
        "the configuration file's [prefs]",
    )?;
    for file in &arguments.preferences_files {
        if arguments.is_from_wptrunner() && !file.exists() {
            // It names Servo's own file even where there is none, as in a checkout without Servo.
            eprintln!(
                "kiosk: goes without {}, which does not exist",
                file.display()
            );
            continue;
        }
        set_all(
            &mut preferences,
            &read_preferences_file(file)?,
            &file.display().to_string(),
        )?;
    }
    for flag in &arguments.preferences {
        let (name, value) = flag.split_once('=').unwrap_or((flag, "true"));
        set(
            &mut preferences,
            name,
            PrefValue::from_booleanish_str(value),
            "--pref",
        )?;
    }
    Ok(preferences)
}

/// The engine's options. A temporary profile has a folder as well, for what Servo keeps in files only.
/// `Opts::temporary_storage` is no use: Servo would put the HTTP cache into a file beside that folder, where it stays.
pub fn options(arguments: &Arguments, certificates: Option<&Path>, profile: &Profile) -> Opts {
    Opts {
        hard_fail: arguments.hard_fail,
        force_ipc: arguments.force_ipc,
        config_dir: Some(profile.path().to_owned()),
        certificate_path: arguments
            .certificate_path
            .as_deref()
            .or(certificates)
            .map(|path| path.to_string_lossy().into_owned()),
        ignore_certificate_errors: arguments.ignore_certificate_errors,
        ..Opts::default()
    }
}

fn read_preferences_file(
    file: &Path,
) -> Result<serde_json::Map<String, serde_json::Value>, Failure> {
    let text = fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!(
            "the preferences file {} can't be read: {error}",
            file.display()
        ))
    })?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::usage(format!(
            "the preferences file {} is not a JSON object: {error}",
            file.display()
        ))
    })
}

fn set_all(
    preferences: &mut Preferences,
    values: &serde_json::Map<String, serde_json::Value>,
    source: &str,
) -> Result<(), Failure> {
    for (name, value) in values {
        let value = PrefValue::try_from(value).map_err(|error| {
            Failure::usage(format!(
                "{source}: the value of `{name}` can't be used: {error}"
            ))
        })?;
        set(preferences, name, value, source)?;
    }
    Ok(())
}

/// Checks name and type first, because the engine's own setter panics.
fn set(
    preferences: &mut Preferences,
    name: &str,
    value: PrefValue,
    source: &str,
) -> Result<(), Failure> {
    let value = fitting(name, value).map_err(|why| Failure::usage(format!("{source}: {why}")))?;
    preferences.set_value(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_default(name: &str, value: &str) -> Result<Preferences, Failure> {
        let mut preferences = Preferences::default();
        set(
            &mut preferences,
            name,
            PrefValue::from_booleanish_str(value),
            "test",
        )?;
        Ok(preferences)
    }

    #[test]
    fn values_are_converted_to_the_type_of_the_preference() {
        assert!(
            set_default("dom_indexeddb_enabled", "true").is_ok_and(|p| p.dom_indexeddb_enabled)
        );
        assert_eq!(
            set_default("user_agent", "7")
                .map(|p| p.user_agent)
                .ok()
                .as_deref(),
            Some("7")
        );
    }

    #[test]
    fn what_the_engine_would_panic_on_is_refused() {
        for (name, value) in [("no_such_thing", "true"), ("dom_indexeddb_enabled", "7")] {
            assert!(set_default(name, value).is_err(), "{name}");
        }
    }
}
