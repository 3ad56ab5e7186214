//! `kiosk check-config FILE`: what a configuration comes to, or all that is wrong with it.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::path::Path;
use std::process::ExitCode;

use crate::config::fleet::FleetConfig;
use crate::config::{self, Config, ConfigError};
use crate::failure::{Failure, FailureKind};

/// Writes the summary to standard output, or the problems to standard error.
///
/// # Errors
/// If the file can't be read.
pub fn run(file: &Path) -> Result<ExitCode, Failure> {
    match config::check(file) {
        Ok(config) => {
            // Nobody reads a closed pipe.
            let _ = io::stdout().write_all(summary(file, &config).as_bytes());
            Ok(ExitCode::SUCCESS)
        }
        Err(ConfigError::Unreadable(error)) => {
            Err(Failure::usage(config::unreadable(file, &error)))
        }
        Err(ConfigError::Wrong(problems)) => {
            let pictures = problems.pictures(file, io::stderr().is_terminal());
            let count = match problems.count() {
                1 => "1 problem".to_owned(),
                count => format!("{count} problems"),
            };
            eprintln!("{pictures}\n\nkiosk: {} has {count}", file.display());
            Ok(FailureKind::Usage.exit_code())
        }
    }
}

/// What the file says, in the order of the documentation. What it leaves out is not there.
fn summary(file: &Path, config: &Config) -> String {
    let mut summary = format!("{} is right\n", file.display());
    let mut say = |what: &str, value: Option<String>| {
        if let Some(value) = value {
            // Never fails: a text grows.
            let _ = writeln!(summary, "  {what:<19} {value}");
        }
    };
    say("start page", config.url.clone());
    say(
        "allowed origins",
        config.allowed_origins.as_ref().map(|origins| {
            let others = origins
                .iter()
                .map(|origin| origin.url().origin().ascii_serialization());
            let start = std::iter::once("the start page's".to_owned());
            start.chain(others).collect::<Vec<_>>().join(", ")
        }),
    );
    say(
        "window",
        config
            .window_size
            .map(|size| format!("{} x {} pixels", size.width, size.height)),
    );
    let is_on = |setting: Option<bool>| setting.map(|is| if is { "yes" } else { "no" }.to_owned());
    say("full screen", is_on(config.full_screen));
    say("pointer hidden", is_on(config.hide_pointer));
    say("waits for display", is_on(config.wait_for_display));
    say("zoom", config.zoom.map(|zoom| zoom.factor().to_string()));
    say("syncs page", is_on(config.syncs_page));
    let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|it| it.display().to_string());
    say("profile", path(&config.profile));
    say("certificates", path(&config.certificate_path));
    // Without the password that it may have.
    say("proxy", config.proxy.as_ref().map(|it| it.host_and_port()));
    say(
        "idle reset",
        config
            .idle_reset
            .map(|limit| format!("after {} s without input", limit.duration().as_secs())),
    );
    say(
        "answer limit",
        config
            .answer_limit
            .map(|limit| format!("{} s for a page", limit.duration().as_secs())),
    );
    say(
        "restart",
        config
            .restart_at
            .map(|time| format!("at {time}, local time")),
    );
    say(
        "retries",
        config
            .policy
            .as_ref()
            .map(|policy| match policy.max_attempts {
                Some(attempts) => format!("at most {attempts} attempts"),
                None => "until one succeeds".to_owned(),
            }),
    );
    say_of_fleet(&config.fleet, &mut say);
    let count = |count: usize| (count > 0).then(|| count.to_string());
    say("origins permitted", count(config.permissions.len()));
    say("preferences", count(config.preferences.len()));
    summary
}

fn say_of_fleet(fleet: &FleetConfig, say: &mut impl FnMut(&str, Option<String>)) {
    let metrics = fleet.metrics_listen;
    say(
        "metrics",
        metrics.map(|address| format!("http://{address}/metrics")),
    );
    let level = fleet.log_level;
    say("log", level.map(|level| level.to_string().to_lowercase()));
    let traces = fleet.traces.as_ref();
    say("traces", traces.map(|traces| traces.endpoint.to_string()));
    let started = match fleet.wake.wake_system {
        true => "by a timer of systemd, which wakes the device",
        false => "by a timer of systemd",
    };
    say(
        "started for syncs",
        fleet.wake.timer.then(|| started.to_owned()),
    );
}
