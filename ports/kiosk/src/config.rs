//! The configuration file: TOML, every field optional.
//!
//! ```toml
//! url = "http://localhost:8080/"
//! allowed_origins = ["https://login.example"] # beside the origin of `url`; left out, all are allowed
//! window_size = "1280x800"
//! full_screen = true
//! hide_pointer = true
//! zoom = 1.5
//! color_scheme = "system"         # or "light", "dark"
//! syncs_page = true               # `kiosk:syncs` may be shown
//! profile = "profile"             # this path and the next are relative to the file's folder
//! certificate_path = "ca.pem"
//! proxy = "http://proxy.example:3128"
//! no_proxy = ["intern.example"]
//! idle_reset_s = 120              # after so long without input of a person, the start page returns
//! answer_limit_s = 60             # a server that has not answered by then is asked again
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
//! [metrics]
//! listen = "127.0.0.1:9464"       # of this machine alone; left out, no metrics are served
//!
//! [log]
//! level = "info"                  # or "off", "error", "warn", "debug": what is worth a line on standard error
//!
//! [traces]                        # left out, nothing is sent
//! endpoint = "http://127.0.0.1:4318/v1/traces" # a collector that takes OTLP by HTTP
//! instance = "shop-12"            # which kiosk it is
//!
//! [wake]
//! timer = true                    # when the kiosk ends, systemd is told when to start it for what is due
//! wake_system = false             # a device that is asleep is not woken for it
//! manager = "system"              # or "user": whose systemd; left out, it depends on who runs the kiosk
//!
//! [[permissions]]
//! origin = "http://localhost:8080"
//! periodic_background_sync = "granted"
//!
//! [prefs]
//! dom_webgpu_enabled = true
//! ```

pub mod fleet;
mod model;
mod problem;
mod reader;
mod section;
pub mod values;

use std::fs;
use std::path::Path;

use toml::de::DeTable;

pub use self::model::{Config, DurabilityName, NotificationDisplay};
use self::problem::Problem;
pub use self::problem::Problems;
use self::section::Section;
use crate::failure::Failure;

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
    let config = reader::read_file(
        Section::new(table.into_inner(), span),
        folder,
        &mut problems,
    );
    match problems.is_empty() {
        true => Ok(config),
        false => Err(Problems::new(text, problems)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::arguments::WindowSize;
    use crate::browser::background_sync::Policy;
    use crate::connectivity::{DefaultRoute, Watch};
    use crate::permissions::Grant;

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
            ("url = \n", "line 1, column 7", "quoted"),
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
        let problems = parse("url = \nzoom 1\n", Path::new("")).expect_err("wrong");
        assert_eq!(problems.count(), 2, "{problems:?}");
    }
}
