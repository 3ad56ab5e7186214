//! The configuration file: TOML, every field optional.
//!
//! ```toml
//! url = "http://localhost:8080/"
//! window_size = "1280x800"
//! storage_durability = "barrier"  # or "strict", "relaxed": when what pages store is on the medium
//! notification_display = "window" # or "desktop": where notifications are shown
//!
//! [background_sync]
//! retry = "standard"              # or "chromium", "every-minute", "fleet"
//! first_retry_delay_ms = 60000    # every other field of the engine's policy changes that preset
//! max_attempts = "unlimited"
//!
//! [connectivity]
//! watch = "system"                # or "none"
//!
//! [[permissions]]
//! origin = "http://localhost:8080"
//! periodic_background_sync = "granted"
//!
//! [prefs]
//! dom_webgpu_enabled = true
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::arguments::WindowSize;
use crate::browser::background_sync::Policy;
use crate::browser::sync_policy;
use crate::connectivity::ConnectivityConfig;
use crate::failure::Failure;
use crate::permissions::OriginPermissions;

/// What the configuration file says.
#[derive(Debug, Default)]
pub struct Config {
    /// The page to show when the command line names none.
    pub url: Option<String>,
    /// Size of the page when the command line gives none.
    pub window_size: Option<WindowSize>,
    /// When what pages store is on the medium.
    pub storage_durability: DurabilityName,
    /// Where notifications are shown.
    pub notification_display: NotificationDisplay,
    /// Retries and limits of background sync, if the file has a section for them.
    pub policy: Option<Policy>,
    /// How to find out whether the machine has a network.
    pub connectivity: ConnectivityConfig,
    /// What origins may do; a later entry wins over an earlier one.
    pub permissions: Vec<OriginPermissions>,
    /// Preferences of the engine.
    pub preferences: serde_json::Map<String, serde_json::Value>,
}

/// When what pages store in IndexedDB, `localStorage` and cookies is on the medium.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum DurabilityName {
    /// When a sync depends on it.
    #[default]
    Barrier,
    /// Each commit, before the page hears of it.
    Strict,
    /// Some time.
    Relaxed,
}

/// Where notifications are shown.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum NotificationDisplay {
    /// As cards in the kiosk's window.
    #[default]
    Window,
    /// By the desktop's own service; as cards, while there is none.
    Desktop,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ConfigFile {
    url: Option<String>,
    window_size: Option<WindowSize>,
    storage_durability: DurabilityName,
    notification_display: NotificationDisplay,
    background_sync: Option<BTreeMap<String, Spanned<serde_json::Value>>>,
    connectivity: ConnectivityConfig,
    permissions: Vec<OriginPermissions>,
    prefs: serde_json::Map<String, serde_json::Value>,
}

/// Reads and checks a configuration file.
///
/// # Errors
/// If it can't be read or parsed; the sentence names the line and the field.
pub fn read(file: &Path) -> Result<Config, Failure> {
    let text = fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!(
            "the configuration file {} can't be read: {error}",
            file.display()
        ))
    })?;
    parse(&text).map_err(|reason| {
        Failure::usage(format!("the configuration file {}{reason}", file.display()))
    })
}

fn parse(text: &str) -> Result<Config, String> {
    let file: ConfigFile = toml::from_str(text).map_err(|error| {
        let message = error.message().replace('\n', " ");
        match error.span() {
            Some(span) => format!("{}: {message}", describe_line(text, span.start)),
            None => format!(": {message}"),
        }
    })?;
    Ok(Config {
        url: file.url,
        window_size: file.window_size,
        storage_durability: file.storage_durability,
        notification_display: file.notification_display,
        policy: file
            .background_sync
            .map(|fields| parse_policy(text, &fields))
            .transpose()?,
        connectivity: file.connectivity,
        permissions: file.permissions,
        preferences: file.prefs,
    })
}

/// Puts the fields onto their preset one by one, so that the one that does not fit can be named.
fn parse_policy(
    text: &str,
    fields: &BTreeMap<String, Spanned<serde_json::Value>>,
) -> Result<Policy, String> {
    let explain = |field: &Spanned<_>, reason: String| {
        format!("{}: {reason}", describe_line(text, field.span().start))
    };
    let mut policy = match fields.get("retry") {
        Some(name) => name
            .get_ref()
            .as_str()
            .and_then(sync_policy::preset)
            .ok_or_else(|| explain(name, format!("retry must be one of {PRESETS}")))?,
        None => Policy::default(),
    };
    for (name, value) in fields.iter().filter(|(name, _)| *name != "retry") {
        let plain = match value.get_ref().as_str() {
            Some("unlimited") => serde_json::Value::Null,
            _ => value.get_ref().clone(),
        };
        policy = sync_policy::with_field(&policy, name, plain)
            .map_err(|reason| explain(value, reason))?;
    }
    Ok(policy)
}

/// The names that [`sync_policy::preset`] knows.
const PRESETS: &str = "\"standard\", \"chromium\", \"every-minute\" and \"fleet\"";

fn describe_line(text: &str, offset: usize) -> String {
    let number = text[..offset].matches('\n').count() + 1;
    let line = text.lines().nth(number - 1).unwrap_or_default().trim();
    format!(", line {number} (`{line}`)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectivity::{DefaultRoute, Watch};
    use crate::permissions::Grant;

    #[test]
    fn every_field_is_optional() {
        assert!(parse("").expect("an empty file").policy.is_none());
        assert_eq!(
            parse("[background_sync]").expect("valid").policy,
            Some(Policy::default())
        );
    }

    #[test]
    fn all_fields() {
        let text = "url = 'about:blank'\nwindow_size = '800x600'\n[background_sync]\n\
            retry = 'every-minute'\nevent_cap_ms = 5000\n[prefs]\ndom_x = true\n[connectivity]\n\
            watch = 'system'\ndefault_route = 'required'\nprobe_url = 'http://probe.example/204'\n\
            [[permissions]]\norigin = 'https://a.example'\nperiodic_background_sync = 'granted'\n\
            [[permissions]]\norigin = 'https://b.example'\nbackground_sync = 'denied'\n";
        let config = parse(text).expect("a valid file");
        let policy = config.policy.expect("a section");
        assert_eq!(policy.event_cap_ms, 5000);
        assert_eq!(policy.max_attempts, None);
        assert_eq!(
            config.window_size,
            Some(WindowSize {
                width: 800,
                height: 600
            })
        );
        assert_eq!(config.preferences["dom_x"], true);
        assert_eq!(config.connectivity.watch, Some(Watch::System));
        assert_eq!(config.connectivity.default_route, DefaultRoute::Required);
        assert!(config.connectivity.probe_url.is_some());
        let [first, second] = &config.permissions[..] else {
            panic!("two entries: {:?}", config.permissions);
        };
        assert_eq!(first.origin.url().as_str(), "https://a.example/");
        assert_eq!(first.periodic_background_sync, Some(Grant::Granted));
        assert_eq!(first.background_sync, None);
        assert_eq!(second.background_sync, Some(Grant::Denied));
    }

    #[test]
    fn attempts_may_be_unlimited() {
        let config = parse("[background_sync]\nmax_attempts = 'unlimited'").expect("valid");
        assert_eq!(config.policy.expect("a section").max_attempts, None);
    }

    #[test]
    fn errors_name_the_line_and_the_field() {
        for (text, line, field) in [
            ("\n[background_sync]\nretries = 3\n", "line 3", "retries"),
            (
                "[background_sync]\nmax_attempts = 'many'\n",
                "line 2",
                "max_attempts",
            ),
            (
                "[background_sync]\nretry = 'often'\n",
                "line 2",
                "every-minute",
            ),
            ("window_size = 'big'\n", "line 1", "window_size"),
            ("url = \n", "line 1", "url"),
            ("storage_durability = 'much'\n", "line 1", "`strict`"),
            (
                "notification_display = 'none'\n",
                "line 1",
                "`window` or `desktop`",
            ),
            ("[connectivity]\nwatch = 'often'\n", "line 2", "watch"),
            ("[connectivity]\nwatched = 1\n", "line 2", "watched"),
            (
                "[connectivity]\nprobe_url = 'https://a.example/'\n",
                "line 2",
                "http:",
            ),
            (
                "[[permissions]]\norigin = 'a.example'\n",
                "line 2",
                "https://app.example",
            ),
            (
                "[[permissions]]\norigin = 'https://a.example'\nbackground_sync = 'yes'\n",
                "line 3",
                "`granted` or `denied`",
            ),
            (
                "[[permissions]]\nbackground_sync = 'granted'\n",
                "line 1",
                "origin",
            ),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(line) && error.contains(field), "{error}");
        }
    }
}
