//! A browser for unattended devices: one web app, Servo with Background Sync, with or without a display.

// Nothing is shown over the page then.
#![cfg_attr(not(feature = "offline"), allow(dead_code))]

mod app_server;
mod arguments;
mod browser;
mod check_config;
mod color_scheme;
mod command;
mod config;
mod connectivity;
mod control;
mod event;
mod failure;
mod fleet;
mod kiosk;
mod message;
mod network_state;
mod operator;
mod output;
mod packaging;
mod panics;
mod permissions;
mod preference_value;
mod preferences;
mod profile;
mod remote;
mod scenario;
mod server_event;
mod shell;
mod sync_report;
mod syncs_page;
mod time_of_day;
mod timeline;
mod unattended_event;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser;
use log::LevelFilter;
use servo::UserAgentPlatform;
use url::Url;

use self::arguments::{Arguments, Task};
use self::browser::{BrowserOptions, background_sync, sync_policy};
use self::config::Config;
use self::config::fleet::FleetConfig;
use self::connectivity::Watch;
use self::failure::Failure;
use self::kiosk::{
    Direction, Ending, Operators, PageChoice, Plan, Program, UnattendedPlan, WindowLook,
};
use self::operator::arguments::command_first;
use self::profile::Profile;
use self::shell::display;
use self::shell::headless::Absence;

fn main() -> ExitCode {
    let start = Instant::now();
    servo::memory::keep_little_free_memory();
    let arguments = Arguments::parse_from(command_first(env::args_os()));
    if arguments.version {
        println!("{}", version());
        return ExitCode::SUCCESS;
    }
    let result = match &arguments.task {
        Some(Task::Operator(command)) => operator::run(command),
        Some(Task::CheckConfig { file }) => check_config::run(file),
        Some(Task::PackageFiles { folder }) => packaging::write_files(folder),
        None => run(&arguments, start),
    };
    result.unwrap_or_else(|failure| {
        eprintln!("kiosk: {failure}");
        failure.exit_code()
    })
}

fn run(arguments: &Arguments, start: Instant) -> Result<ExitCode, Failure> {
    let program = Arc::new(Program::of_this_process());
    if !arguments.is_from_wptrunner() {
        panics::report_to_engine();
    }
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("nothing else in the process installs one");
    let headless = arguments.headless || arguments.fleet.sync_only || !display::is_named();
    let plan = plan(arguments, headless, start)?;
    let ending = match headless {
        true => shell::headless::run(plan, Absence::Lasting),
        false if plan.unattended.waits_for_display && !display::is_there() => {
            shell::headless::run(plan, Absence::ForNow)
        }
        false => shell::window::run(plan, program.clone()),
    };
    match ending? {
        Ending::Exit(code) => Ok(code),
        Ending::Restart => Err(program.run_again()),
    }
}

fn plan(arguments: &Arguments, headless: bool, start: Instant) -> Result<Plan, Failure> {
    let mut config = match &arguments.config {
        Some(file) => config::read(file)?,
        None => Config::default(),
    };
    if arguments.is_from_wptrunner() {
        // Its servers are on this machine, whatever their names are.
        config.connectivity.watch.get_or_insert(Watch::None);
        config.fleet.log_level.get_or_insert(LevelFilter::Warn);
    }
    let url = arguments
        .url
        .as_ref()
        .or(config.url.as_ref())
        .map(|text| parse_url(text))
        .transpose()?;
    let direction = match (arguments.control, arguments.scenario, &url) {
        (Some(_), ..) => Direction::Program,
        _ if arguments.webdriver.is_some() => Direction::WebDriver,
        _ if arguments.fleet.sync_only => Direction::SyncOnly,
        (_, Some(_), _) => Direction::Scenario,
        (_, _, None) if headless => Direction::Scenario,
        _ => Direction::Person,
    };
    if direction == Direction::SyncOnly && url.is_none() {
        // Whose registrations there are is not known yet: not all of them will be of this machine.
        config.connectivity.watch.get_or_insert(Watch::System);
    }
    let page = choose_page(arguments, url, direction);
    let default_policy = default_policy(&page);
    check_certificates(arguments)?;
    let preferences = preferences::preferences(arguments, &config)?;
    let screenshot_folder = arguments.screenshot_dir.clone().unwrap_or_default();
    make_folder(&screenshot_folder)?;
    let profile = choose_profile(arguments, config.profile.as_deref(), direction)?;
    let fleet = fleet_plan(arguments, &config);
    Ok(Plan {
        window: window_look(arguments, &config),
        unattended: unattended_plan(arguments, &config, direction),
        page,
        direction,
        reported_events: arguments.reported_events(),
        start,
        browser: BrowserOptions {
            preferences,
            options: preferences::options(arguments, config.certificate_path.as_deref(), &profile),
            policy: config.policy.unwrap_or(default_policy),
            storage_durability: config.storage_durability,
            notification_display: config.notification_display,
            permissions: config.permissions,
            lifetime: profile.lifetime(),
            user_stylesheets: arguments.user_stylesheets.clone(),
            zoom: arguments.unattended.zoom.or(config.zoom),
            color_scheme: arguments
                .unattended
                .color_scheme
                .unwrap_or(config.color_scheme),
        },
        is_cut: arguments.offline,
        connectivity: config.connectivity,
        webdriver: arguments.webdriver,
        operators: operators(arguments, &profile),
        fleet,
        profile,
        syncs_page: arguments.unattended.syncs_page.or(config.syncs_page) == Some(true),
        screenshot_folder,
    })
}

fn default_policy(page: &PageChoice) -> background_sync::Policy {
    match page {
        PageChoice::OutboxApp { .. } => sync_policy::demonstration_policy(),
        PageChoice::Url(_) => background_sync::Policy::default(),
    }
}

fn check_certificates(arguments: &Arguments) -> Result<(), Failure> {
    let Some(path) = &arguments.certificate_path else {
        return Ok(());
    };
    config::values::check_certificates(path)
        .map_err(|reason| Failure::usage(format!("--certificate-path: {reason}")))
}

fn choose_page(arguments: &Arguments, url: Option<Url>, direction: Direction) -> PageChoice {
    match url {
        Some(url) if arguments.scenario.is_none() => PageChoice::Url(url),
        None if matches!(direction, Direction::WebDriver | Direction::SyncOnly) => {
            PageChoice::Url(blank_page())
        }
        _ => PageChoice::OutboxApp {
            port: arguments.app_port.unwrap_or(0),
            refuse_first: arguments
                .app_fail_first
                .unwrap_or(u32::from(direction == Direction::Scenario)),
        },
    }
}

fn operators(arguments: &Arguments, profile: &Profile) -> Operators {
    match profile.lifetime() {
        background_sync::StorageLifetime::Profile if !arguments.no_control_socket => {
            Operators::BySocket
        }
        // A profile that is gone at the end is nobody's to look after.
        _ => Operators::None,
    }
}

fn fleet_plan(arguments: &Arguments, config: &Config) -> FleetConfig {
    FleetConfig {
        metrics_listen: arguments
            .fleet
            .metrics_listen
            .or(config.fleet.metrics_listen),
        next_sync_file: arguments.fleet.next_sync_file.clone(),
        ..config.fleet.clone()
    }
}

fn window_look(arguments: &Arguments, config: &Config) -> WindowLook {
    let settings = &arguments.unattended;
    WindowLook {
        size: arguments
            .window_size
            .or(config.window_size)
            .unwrap_or_default(),
        is_full_screen: settings.full_screen.or(config.full_screen) == Some(true),
        hides_pointer: settings.hide_pointer.or(config.hide_pointer) == Some(true),
    }
}

fn unattended_plan(arguments: &Arguments, config: &Config, direction: Direction) -> UnattendedPlan {
    let settings = &arguments.unattended;
    let is_shown = direction != Direction::SyncOnly;
    UnattendedPlan {
        // A scenario fails then, and a client of WebDriver wants to see it.
        recovers: matches!(direction, Direction::Person | Direction::Program),
        allowed_origins: match &settings.allowed_origins[..] {
            [] => config.allowed_origins.clone(),
            origins => Some(origins.to_vec()),
        },
        waits_for_display: settings.wait_for_display.or(config.wait_for_display) == Some(true),
        answer_limit: config.answer_limit,
        idle_reset: settings
            .idle_reset_s
            .or(config.idle_reset)
            .filter(|_| is_shown),
        restart_at: settings
            .restart_at
            .or(config.restart_at)
            .filter(|_| is_shown),
    }
}

/// A scenario leaves nothing behind unless it is told where, nor does a test of wptrunner's.
fn choose_profile(
    arguments: &Arguments,
    configured: Option<&Path>,
    direction: Direction,
) -> Result<Profile, Failure> {
    let is_fresh =
        arguments.temporary || arguments.is_from_wptrunner() || direction == Direction::Scenario;
    let open = match direction {
        Direction::SyncOnly => open_for_sync_only,
        _ => Profile::open,
    };
    match (&arguments.profile, configured) {
        (Some(path), _) => open(path),
        (None, _) if is_fresh => Profile::temporary(),
        (None, Some(path)) => open(path),
        (None, None) => open(&profile::default_path()?),
    }
}

/// A kiosk that uses the profile delivers what is due anyway.
fn open_for_sync_only(path: &Path) -> Result<Profile, Failure> {
    Profile::open_unless_used(path)?.ok_or_else(|| {
        println!(
            "{}",
            serde_json::json!({"event": "sync-only", "left_to": "running-kiosk"})
        );
        Failure::left_to_another(format!(
            "a kiosk runs on the profile folder {}: it sends what is due itself",
            path.display()
        ))
    })
}

fn make_folder(path: &Path) -> Result<(), Failure> {
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    std::fs::create_dir_all(path).map_err(|error| {
        Failure::environment(format!(
            "the folder {} for screenshots can't be made: {error}",
            path.display()
        ))
    })
}

fn parse_url(text: &str) -> Result<Url, Failure> {
    if let Ok(url) = Url::parse(text) {
        return Ok(url);
    }
    PathBuf::from(text)
        .canonicalize()
        .ok()
        .and_then(|path| Url::from_file_path(path).ok())
        .ok_or_else(|| {
            Failure::usage(format!(
                "`{text}` is neither a URL such as http://localhost:8080/ nor a file that exists"
            ))
        })
}

fn blank_page() -> Url {
    Url::parse("about:blank").expect("a valid URL")
}

/// Starts with `Servo`, by which wptrunner knows what it drives.
fn version() -> String {
    let user_agent = UserAgentPlatform::default().to_user_agent_string();
    let servo = user_agent
        .split_whitespace()
        .find_map(|product| product.strip_prefix("Servo/"))
        .unwrap_or("of unknown version");
    format!(
        "Servo {servo} with Background Sync, kiosk {}",
        env!("CARGO_PKG_VERSION")
    )
}
