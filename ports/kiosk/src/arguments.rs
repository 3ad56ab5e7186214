//! The command line. Flags that servoshell has too mean the same here, so that stock wptrunner can drive the kiosk.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;

use crate::color_scheme::ColorScheme;
use crate::config::values::{ProxyUrl, TimeLimit, Zoom};
use crate::fleet::loopback::LoopbackAddress;
use crate::operator::arguments::OperatorCommand;
use crate::output::ReportedEvents;
use crate::permissions::OriginUrl;
use crate::time_of_day::TimeOfDay;

/// A browser for unattended devices, on Servo with Background Sync.
///
/// Without URL it runs the bundled outbox app with its own server: in a window to be used by hand, or, where there is
/// no display or with --headless, as a scenario that plays by itself.
///
/// The commands are for whoever looks after a device: they ask the kiosk that uses the profile, over its control socket, or
/// read the profile if none does.
///
/// `check-config FILE` tells what a configuration comes to, or all that is wrong with it.
///
/// Exit codes: 0 success, 1 the scenario failed or the command was refused, 2 wrong command line or configuration, 3 the machine
/// lacks something.
#[derive(Debug, Parser)]
#[command(
    name = "kiosk",
    disable_version_flag = true,
    args_conflicts_with_subcommands = true
)]
pub struct Arguments {
    /// What to do instead of running a browser.
    #[command(subcommand)]
    pub task: Option<Task>,

    /// The page to show: a URL, or the path of a file.
    pub url: Option<String>,

    /// Run without a display, with software rendering.
    #[arg(short = 'z', long)]
    pub headless: bool,

    /// Let programs of this machine drive the browser by WebDriver, on this port of 127.0.0.1. For tests only: whoever
    /// can connect to it can do anything that the page can [default port: 7000].
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "7000",
          conflicts_with_all = ["scenario", "control"])]
    pub webdriver: Option<NonZeroU16>,

    /// Set a preference of the engine; without a value, `true`. May be repeated.
    #[arg(long = "pref", value_name = "NAME[=VALUE]")]
    pub preferences: Vec<String>,

    /// Read preferences of the engine from a JSON file. May be repeated.
    #[arg(long = "prefs-file", value_name = "FILE")]
    pub preferences_files: Vec<PathBuf>,

    /// Turn on the engine's experimental web features.
    #[arg(long)]
    pub enable_experimental_web_platform_features: bool,

    /// Accept any TLS certificate. For tests only.
    #[arg(long)]
    pub ignore_certificate_errors: bool,

    /// A PEM file with the certificate authorities to trust.
    #[arg(long, value_name = "FILE")]
    pub certificate_path: Option<PathBuf>,

    /// A style sheet to apply to every page. May be repeated.
    #[arg(long = "user-stylesheet", value_name = "FILE")]
    pub user_stylesheets: Vec<PathBuf>,

    /// Size of the page in pixels.
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    pub window_size: Option<WindowSize>,

    /// End the process when one of the engine's threads panics.
    #[arg(short = 'f', long)]
    pub hard_fail: bool,

    /// Serialize every message between the engine's threads, as if they were processes. For tests.
    #[arg(long)]
    pub force_ipc: bool,

    /// The User-Agent to send.
    #[arg(short = 'u', long, value_name = "TEXT")]
    pub user_agent: Option<String>,

    /// Print the version and exit.
    #[arg(short = 'v', long)]
    pub version: bool,

    /// Folder that keeps site data and pending syncs [default: background-sync-kiosk in $XDG_DATA_HOME].
    #[arg(long, value_name = "DIR", conflicts_with = "temporary")]
    pub profile: Option<PathBuf>,

    /// Make no control socket in the profile: then `kiosk syncs` and the other commands can't ask this kiosk.
    #[arg(long)]
    pub no_control_socket: bool,

    /// Use a fresh profile of which nothing is left at the end, however the kiosk ends.
    #[arg(long)]
    pub temporary: bool,

    /// Configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Play a scenario, print its timeline and exit.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["url", "control", "offline"])]
    pub scenario: Option<ScenarioName>,

    /// Folder for the scenario's screenshots [default: the current one].
    #[arg(long, value_name = "DIR")]
    pub screenshot_dir: Option<PathBuf>,

    /// Start with the network cut.
    #[arg(long)]
    pub offline: bool,

    /// Take commands as lines and report events as JSON lines.
    #[arg(long, value_name = "CHANNEL")]
    pub control: Option<ControlChannel>,

    /// Leave events of background sync out of what is reported: when thousands of them run, the lines cost as much time.
    #[arg(long, requires = "control")]
    pub without_sync_events: bool,

    /// Port of the outbox app's server [default: any free one].
    #[arg(long, value_name = "PORT", conflicts_with = "url")]
    pub app_port: Option<u16>,

    /// How many messages the outbox app's server refuses with 503 before it accepts one [default: 1 in the
    /// scenario, else 0].
    #[arg(long, value_name = "COUNT", conflicts_with = "url")]
    pub app_fail_first: Option<u32>,

    /// How it looks, and how it runs unattended.
    #[command(flatten)]
    pub unattended: UnattendedArguments,

    /// What it is for whoever looks after many.
    #[command(flatten)]
    pub fleet: FleetArguments,
}

/// What to do instead of running a browser.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Check a configuration file: say what it comes to, or all that is wrong with it.
    CheckConfig {
        /// The file (TOML).
        file: PathBuf,
    },
    /// Write the man pages and completions of the package.
    #[command(hide = true)]
    PackageFiles {
        /// Where to.
        folder: PathBuf,
    },
    /// What whoever looks after a device wants.
    #[command(flatten)]
    Operator(OperatorCommand),
}

/// How the kiosk looks, and how it runs unattended. Each wins over the field of the configuration file with its name.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Unattended use")]
pub struct UnattendedArguments {
    /// Show pages of this origin and of the start page's only. May be repeated.
    #[arg(long = "allowed-origin", value_name = "ORIGIN")]
    pub allowed_origins: Vec<OriginUrl>,

    /// Fill the screen.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub full_screen: Option<bool>,

    /// Hide the pointer over the window.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub hide_pointer: Option<bool>,

    /// Where the display is not there yet or was lost, run without a window until it is there, instead of ending.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub wait_for_display: Option<bool>,

    /// Make everything larger by this factor, or smaller: 0.1 to 10.
    #[arg(long, value_name = "FACTOR")]
    pub zoom: Option<Zoom>,

    /// Ask pages for these colors, where they have both [default: as the desktop has it].
    #[arg(long, value_name = "SCHEME")]
    pub color_scheme: Option<ColorScheme>,

    /// Let `kiosk open kiosk:syncs`, or Ctrl+Shift+S in the window, show a page of what waits to be sent. Escape closes it.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub syncs_page: Option<bool>,

    /// Load everything by this HTTP proxy, such as http://proxy.example:3128.
    #[arg(long, value_name = "URL")]
    pub proxy: Option<ProxyUrl>,

    /// Return to the start page, and forget what the visitor left, after so many seconds without input.
    #[arg(long, value_name = "SECONDS")]
    pub idle_reset_s: Option<TimeLimit>,

    /// Restart at this local time of day, HH:MM, once no sync event runs.
    #[arg(long, value_name = "TIME")]
    pub restart_at: Option<TimeOfDay>,
}

/// For whoever looks after many kiosks.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Many kiosks")]
pub struct FleetArguments {
    /// Serve metrics for Prometheus at this address of this machine alone, such as 127.0.0.1:9464.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<LoopbackAddress>,

    /// Deliver what is due, without a window, and end. One line of JSON says what was done; the exit code is 1 if something
    /// was not delivered. If a kiosk runs on the profile, it is left to that one.
    #[arg(long, conflicts_with_all = ["scenario", "control", "webdriver", "temporary"])]
    pub sync_only: bool,

    /// Where a kiosk that ends leaves the time of the next sync, if the configuration has `timer = true` in `[wake]`: one line, the
    /// seconds since 1970, followed by ` wake` if the device is to be woken for it. Whoever has started this kiosk then starts
    /// one with --sync-only at that time. systemd is not asked, whatever `manager` in `[wake]` says. There is no such file while a
    /// kiosk runs, nor if nothing is due.
    #[arg(long, value_name = "FILE")]
    pub next_sync_file: Option<PathBuf>,
}

impl Arguments {
    /// What is reported on the control channel.
    pub fn reported_events(&self) -> ReportedEvents {
        match self.without_sync_events {
            true => ReportedEvents::AllButSyncs,
            false => ReportedEvents::All,
        }
    }

    /// Whether stock wptrunner has started this process. It starts several at a time, and knows no flags of ours.
    pub fn is_from_wptrunner(&self) -> bool {
        self.user_agent.as_deref() == Some(WPTRUNNER_USER_AGENT)
    }
}

/// What stock wptrunner gives its products `servo` and `servodriver` as User-Agent.
const WPTRUNNER_USER_AGENT: &str = "Servo/wptrunner";

/// A scenario that the kiosk can play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScenarioName {
    /// Three messages written offline, window closed, network restored, first answer 503: all arrive.
    Outbox,
}

/// Where control commands come from and events go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ControlChannel {
    /// Standard input and output.
    Stdio,
}

/// Size of a page in device pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct WindowSize {
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
}

impl Default for WindowSize {
    fn default() -> Self {
        Self {
            width: 1024,
            height: 740,
        }
    }
}

/// Largest width and height that is accepted, in pixels: what software rendering can allocate.
pub const MAX_EXTENT_PIXELS: u32 = 16_384;

impl FromStr for WindowSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = text.split_once('x').and_then(|(width, height)| {
            Some(Self {
                width: width.parse().ok()?,
                height: height.parse().ok()?,
            })
        });
        parsed
            .filter(|size| {
                [size.width, size.height]
                    .iter()
                    .all(|side| (1..=MAX_EXTENT_PIXELS).contains(side))
            })
            .ok_or_else(|| {
                format!(
                    "`{text}` is not a size such as 1024x740 (at most {MAX_EXTENT_PIXELS} each way)"
                )
            })
    }
}

impl TryFrom<String> for WindowSize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn wptrunner_flags_are_understood() {
        let arguments = Arguments::try_parse_from([
            "kiosk",
            "--hard-fail",
            "-u",
            "Servo/wptrunner",
            "--ignore-certificate-errors",
            "--enable-experimental-web-platform-features",
            "-z",
            "https://web-platform.test:8443/a.html",
            "--user-stylesheet",
            "ahem.css",
            "--pref",
            "dom_a_enabled=true",
            "--pref",
            "dom_b_enabled",
            "--prefs-file",
            "prefs.json",
            "--certificate-path",
            "ca.pem",
        ])
        .expect("stock wptrunner's command line");
        assert!(arguments.headless && arguments.hard_fail && arguments.is_from_wptrunner());
        assert_eq!(arguments.preferences.len(), 2);
    }

    #[test]
    fn a_url_may_follow_a_webdriver_flag() {
        let arguments =
            Arguments::try_parse_from(["kiosk", "--webdriver=4444", "about:blank"]).expect("valid");
        assert_eq!(arguments.webdriver, NonZeroU16::new(4444));
        assert_eq!(arguments.url.as_deref(), Some("about:blank"));
    }

    #[test]
    fn an_operators_command_stands_beside_the_url() {
        let parse = |words: &[&str]| Arguments::try_parse_from([&["kiosk"], words].concat());
        let syncs = parse(&["syncs", "why", "outbox", "--profile", "p"]).expect("a command");
        assert!(syncs.task.is_some() && syncs.url.is_none());
        for url in ["http://localhost/syncs", "./status", "statuses"] {
            let page = parse(&["--headless", url]).expect("a page");
            assert!(page.task.is_none());
            assert_eq!(page.url.as_deref(), Some(url));
        }
        assert!(parse(&["status", "http://localhost/"]).is_err());
        assert!(
            parse(&["syncs"]).is_err(),
            "a command of its own is missing"
        );
    }

    #[test]
    fn sizes() {
        assert_eq!(
            "800x600".parse(),
            Ok(WindowSize {
                width: 800,
                height: 600
            })
        );
        for wrong in ["", "800", "800x", "x600", "0x600", "800x-1", "1x99999"] {
            assert!(wrong.parse::<WindowSize>().is_err(), "{wrong}");
        }
    }
}
