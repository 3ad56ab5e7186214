//! The configuration file: TOML, every field optional.
//!
//! ```toml
//! url = "http://localhost:8080/"
//! allowed_origins = ["https://login.example"] # beside the origin of `url`; left out, all are allowed
//! window_size = "1280x800"
//! full_screen = true
//! hide_pointer = true
//! zoom = 1.5
//! profile = "profile"             # this path and the next are relative to the file's folder
//! certificate_path = "ca.pem"
//! proxy = "http://proxy.example:3128"
//! no_proxy = ["intern.example"]
//! idle_reset_s = 120              # after so long without input of a person, the start page returns
//! restart_at = "03:30"            # local time of day
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

mod problem;
mod section;
pub mod values;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::de::DeTable;

pub use self::problem::{Problem, Problems};
use self::section::Section;
use self::values::{IdleLimit, NoProxy, PageAddress, ProxyUrl, Zoom};
use crate::arguments::WindowSize;
use crate::browser::background_sync::Policy;
use crate::browser::sync_policy;
use crate::connectivity::{ConnectivityConfig, DefaultRoute, ProbeUrl, Watch};
use crate::failure::Failure;
use crate::permissions::{Grant, OriginPermissions, OriginUrl};
use crate::preferences;
use crate::time_of_day::TimeOfDay;

/// What the configuration file says.
#[derive(Debug, Default)]
pub struct Config {
    /// The page to show when the command line names none.
    pub url: Option<String>,
    /// The origins of pages that may be shown beside that of the start page. Left out, all may.
    pub allowed_origins: Option<Vec<OriginUrl>>,
    /// Size of the page when the command line gives none.
    pub window_size: Option<WindowSize>,
    /// Whether the window fills the screen.
    pub full_screen: Option<bool>,
    /// Whether the pointer is hidden over the window.
    pub hide_pointer: Option<bool>,
    /// How much larger than by default everything is.
    pub zoom: Option<Zoom>,
    /// The folder that keeps site data and pending syncs.
    pub profile: Option<PathBuf>,
    /// A PEM file with the certificate authorities to trust.
    pub certificate_path: Option<PathBuf>,
    /// The proxy of all loads.
    pub proxy: Option<ProxyUrl>,
    /// What is reached without the proxy, beside this machine.
    pub no_proxy: Vec<NoProxy>,
    /// After so long without input of a person, the start page returns.
    pub idle_reset: Option<IdleLimit>,
    /// When the kiosk restarts itself.
    pub restart_at: Option<TimeOfDay>,
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

/// Why a configuration file can't be used.
#[derive(Debug)]
pub enum ConfigError {
    /// It can't be read.
    Unreadable(std::io::Error),
    /// It is wrong.
    Wrong(Problems),
}

/// Reads and checks a configuration file.
///
/// # Errors
/// If it can't be read or is wrong; the sentence names the line, the column and what is allowed.
pub fn read(file: &Path) -> Result<Config, Failure> {
    check(file).map_err(|error| {
        Failure::usage(match error {
            ConfigError::Unreadable(error) => unreadable(file, &error),
            ConfigError::Wrong(problems) => problems.sentence(file),
        })
    })
}

/// The sentence for a file that can't be read.
pub fn unreadable(file: &Path, error: &std::io::Error) -> String {
    let file = file.display();
    format!("the configuration file {file} can't be read: {error}")
}

/// Reads and checks a configuration file; finds all that is wrong.
///
/// # Errors
/// If it can't be read or is wrong.
pub fn check(file: &Path) -> Result<Config, ConfigError> {
    let text = fs::read_to_string(file).map_err(ConfigError::Unreadable)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    parse(&text, folder).map_err(ConfigError::Wrong)
}

fn parse(text: &str, folder: &Path) -> Result<Config, Problems> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let problems = errors.into_iter().map(|error| Problem {
            span: error.span().unwrap_or(0..0),
            what: error.message().replace('\n', " "),
            allowed: None,
        });
        return Err(Problems::new(text, problems.collect()));
    }
    let span = table.span();
    let mut problems = Vec::new();
    let config = read_file(
        Section::new(table.into_inner(), span),
        folder,
        &mut problems,
    );
    match problems.is_empty() {
        true => Ok(config),
        false => Err(Problems::new(text, problems)),
    }
}

fn read_file(mut file: Section<'_>, folder: &Path, problems: &mut Vec<Problem>) -> Config {
    let config = Config {
        url: file
            .take("url", "the address of a page, or the path of a file")
            .map(|PageAddress(url)| url),
        allowed_origins: file.take("allowed_origins", ORIGINS),
        window_size: file.take("window_size", "\"WIDTHxHEIGHT\" in pixels"),
        full_screen: file.take("full_screen", BOOLEAN),
        hide_pointer: file.take("hide_pointer", BOOLEAN),
        zoom: file.take("zoom", "a number from 0.1 to 10"),
        profile: file
            .take::<PathBuf>("profile", "the path of a folder")
            .map(|path| folder.join(path)),
        certificate_path: file.take_checked("certificate_path", CERTIFICATES, |path: PathBuf| {
            let path = folder.join(path);
            values::check_certificates(&path).map(|()| path)
        }),
        proxy: file.take("proxy", "\"http://HOST:PORT\""),
        no_proxy: file
            .take("no_proxy", "a list of hosts, addresses and networks")
            .unwrap_or_default(),
        idle_reset: file.take("idle_reset_s", "a whole number of seconds from 1 to 86400"),
        restart_at: file.take("restart_at", "a time from \"00:00\" to \"23:59\""),
        storage_durability: file
            .take(
                "storage_durability",
                "\"barrier\", \"strict\" or \"relaxed\"",
            )
            .unwrap_or_default(),
        notification_display: file
            .take("notification_display", "\"window\" or \"desktop\"")
            .unwrap_or_default(),
        policy: file
            .take_section("background_sync")
            .map(|section| read_policy(section, problems)),
        connectivity: file
            .take_section("connectivity")
            .map(|section| read_connectivity(section, problems))
            .unwrap_or_default(),
        permissions: file
            .take_sections("permissions")
            .into_iter()
            .filter_map(|section| read_permissions(section, problems))
            .collect(),
        preferences: file
            .take_section("prefs")
            .map(|section| read_preferences(section, problems))
            .unwrap_or_default(),
    };
    problems.extend(file.finish());
    config
}

const BOOLEAN: &str = "true or false";
const ORIGINS: &str = "a list of origins such as \"https://app.example\"";
const CERTIFICATES: &str = "the path of a PEM file with certificates";
const GRANT: &str = "\"granted\" or \"denied\"";

fn read_connectivity(mut section: Section<'_>, problems: &mut Vec<Problem>) -> ConnectivityConfig {
    let config = ConnectivityConfig {
        watch: section.take::<Watch>("watch", "\"system\" or \"none\""),
        default_route: section
            .take::<DefaultRoute>("default_route", "\"preferred\" or \"required\"")
            .unwrap_or_default(),
        probe_url: section.take::<ProbeUrl>("probe_url", "an http: URL"),
    };
    problems.extend(section.finish());
    config
}

fn read_permissions(
    mut section: Section<'_>,
    problems: &mut Vec<Problem>,
) -> Option<OriginPermissions> {
    let origin =
        section.require::<OriginUrl>("origin", "an origin such as \"https://app.example\"");
    let mut grant = |name| section.take::<Grant>(name, GRANT);
    let (background_sync, periodic_background_sync, notifications) = (
        grant("background_sync"),
        grant("periodic_background_sync"),
        grant("notifications"),
    );
    problems.extend(section.finish());
    Some(OriginPermissions {
        origin: origin?,
        background_sync,
        periodic_background_sync,
        notifications,
    })
}

fn read_preferences(
    mut section: Section<'_>,
    problems: &mut Vec<Problem>,
) -> serde_json::Map<String, serde_json::Value> {
    let mut values = serde_json::Map::new();
    for name in section.keys() {
        let Some((span, value)) = section.take_json(&name) else {
            continue;
        };
        match preferences::check(&name, &value) {
            Ok(()) => {
                values.insert(name, value);
            }
            Err(what) => section.reject(span, what, None),
        }
    }
    problems.extend(section.finish());
    values
}

/// A policy that has a name.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Preset(Policy);

impl TryFrom<String> for Preset {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let policy = sync_policy::preset(&name);
        policy
            .map(Self)
            .ok_or_else(|| format!("`{name}` is no preset"))
    }
}

/// Puts the fields onto their preset one by one, so that each that does not fit can be named.
fn read_policy(mut section: Section<'_>, problems: &mut Vec<Problem>) -> Policy {
    let presets = "\"standard\", \"chromium\", \"every-minute\" or \"fleet\"";
    let preset = section.take("retry", presets);
    let mut policy = preset.map_or_else(Policy::default, |Preset(policy)| policy);
    for name in sync_policy::field_names() {
        let Some((span, value)) = section.take_json(&name) else {
            continue;
        };
        let plain = match value.as_str() {
            Some("unlimited") => serde_json::Value::Null,
            _ => value,
        };
        match sync_policy::with_field(&policy, &name, plain) {
            Ok(changed) => policy = changed,
            Err(what) => section.reject(span, what, None),
        }
    }
    problems.extend(section.finish());
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Config {
        let problems = |problems: Problems| problems.pictures(Path::new("kiosk.toml"), false);
        parse(text, Path::new("/etc/kiosk"))
            .map_err(problems)
            .expect("a valid file")
    }

    #[test]
    fn every_field_is_optional() {
        assert!(parsed("").policy.is_none());
        assert_eq!(parsed("[background_sync]").policy, Some(Policy::default()));
    }

    #[test]
    fn all_fields() {
        let text = "url = 'about:blank'\nwindow_size = '800x600'\n[background_sync]\n\
            retry = 'every-minute'\nevent_cap_ms = 5000\n[prefs]\ndom_webgpu_enabled = true\n[connectivity]\n\
            watch = 'system'\ndefault_route = 'required'\nprobe_url = 'http://probe.example/204'\n\
            [[permissions]]\norigin = 'https://a.example'\nperiodic_background_sync = 'granted'\n\
            [[permissions]]\norigin = 'https://b.example'\nbackground_sync = 'denied'\n";
        let config = parsed(text);
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
        assert_eq!(config.preferences["dom_webgpu_enabled"], true);
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
        let config = parsed("[background_sync]\nmax_attempts = 'unlimited'");
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
            let error = parse(text, Path::new("")).expect_err(text);
            let error = error.sentence(Path::new("kiosk.toml"));
            assert!(error.contains(line) && error.contains(field), "{error}");
        }
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        for (path, profile) in [
            ("profile", "/etc/kiosk/profile"),
            ("/srv/profile", "/srv/profile"),
        ] {
            let config = parsed(&format!("profile = '{path}'"));
            assert_eq!(config.profile, Some(PathBuf::from(profile)));
        }
    }

    #[test]
    fn all_problems_are_found_in_their_order() {
        let text = "zoom = 0\nrestart_at = '25:00'\n[[permissions]]\norigin = 'a'\nx = 1\n[connectivity]\n\
            watch = 1\n[background_sync]\nmax_attempts = 'many'\n[prefs]\nno_such_pref = 1\n";
        let problems = parse(text, Path::new("")).expect_err("wrong");
        let file = Path::new("kiosk.toml");
        let pictures = problems.pictures(file, false);
        let places: Vec<_> = pictures
            .lines()
            .filter_map(|line| line.trim().strip_prefix("--> kiosk.toml:"))
            .collect();
        assert_eq!(
            places,
            ["1:8", "2:14", "4:10", "5:1", "7:9", "9:16", "11:16"],
            "{pictures}"
        );
        assert_eq!(
            problems.sentence(file),
            "the configuration file kiosk.toml, line 1, column 8: `zoom`: 0 is not from 0.1 to 10; \
             allowed: a number from 0.1 to 10 (and 6 more: see `kiosk check-config kiosk.toml`)"
        );
    }

    #[test]
    fn every_fault_of_syntax_is_found() {
        let problems =
            parse("url = \nzoom 1\nfull_screen = tru\n", Path::new("")).expect_err("wrong");
        assert!(problems.count() >= 3, "{problems:?}");
    }
}
