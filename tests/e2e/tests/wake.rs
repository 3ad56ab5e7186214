//! When the kiosk ends, systemd is told when to start it for what waits to be sent.

// A kiosk that is built without that group is built without timers as well.
#![cfg(feature = "offline")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use background_sync_e2e::operator::Told;
use background_sync_e2e::session_bus::SessionBus;
use background_sync_e2e::systemd::{ExecStart, Systemd, Timer};
use background_sync_e2e::{Answer, Kiosk, KioskBuilder, Site, run};
use serde_json::Value;
use zbus::OwnedVariant;

const WORKER: &str = "onsync = (event) => event.waitUntil(post('/message', event.tag));";

/// Retries that do not come while a test runs.
const SLOW_RETRIES: &str = "first_retry_delay_ms = 3600000\nretry_jitter_percent = 0\n";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a writable folder")
}

/// Asks the systemd of this bus. The configuration stays where it is when the kiosk has ended.
fn with_timer(profile: &Path, address: &str, more: &str) -> KioskBuilder {
    let config = profile.join("test.toml");
    let wake = format!("timer = true\nmanager = 'user'\n{more}");
    let text = format!("[background_sync]\n{SLOW_RETRIES}\n[wake]\n{wake}");
    fs::write(&config, text).expect("a writable folder");
    Kiosk::builder()
        .profile(profile)
        .environment("DBUS_SESSION_BUS_ADDRESS", address)
        .flag(&format!("--config={}", config.display()))
}

/// A message that could not be delivered: the next attempt is an hour ahead.
fn fail_once(site: &Site, builder: KioskBuilder) -> Kiosk {
    site.server.answer_next([Answer::Status(503)]);
    let mut kiosk = site.open_with(builder);
    kiosk.register_sync("outbox");
    kiosk.wait_for_sync("finished");
    kiosk
}

fn property<T>(properties: &HashMap<String, OwnedVariant>, name: &str) -> T
where
    T: TryFrom<OwnedVariant>,
{
    let value = properties.get(name);
    let value = value.unwrap_or_else(|| panic!("no {name} in {properties:?}"));
    let value = value.try_clone().expect("it has no file descriptors");
    T::try_from(value).unwrap_or_else(|_| panic!("{name}: {properties:?}"))
}

/// In how many seconds the timer elapses.
fn seconds_ahead(timer: &Timer) -> i64 {
    let calendar: Vec<(String, String)> = property(&timer.properties, "TimersCalendar");
    let [(kind, time)] = &calendar[..] else {
        panic!("one time: {calendar:?}");
    };
    assert_eq!(kind, "OnCalendar");
    // systemd's own reading of it, where it is installed; `date` reads it as well.
    let output = Command::new("date").args(["--date", time, "+%s"]).output();
    let seconds = String::from_utf8(output.expect("date exists").stdout).expect("text");
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    seconds.trim().parse::<i64>().expect("a time") - now.as_secs().cast_signed()
}

#[test]
fn the_next_attempt_is_handed_over_and_made() {
    let (site, profile, bus) = (Site::new(WORKER), folder(), SessionBus::start());
    let systemd = Systemd::start(&bus);
    let kiosk = fail_once(&site, with_timer(profile.path(), bus.address(), ""));
    assert!(systemd.timers().is_empty(), "it runs");
    kiosk.quit();
    let timers = systemd.timers();
    let [(name, timer)] = &timers.iter().collect::<Vec<_>>()[..] else {
        panic!("one timer: {timers:?}");
    };
    assert!(name.starts_with("background-sync-kiosk-") && name.ends_with(".timer"));
    assert_eq!(timer.service, name.replace(".timer", ".service"));
    let ahead = seconds_ahead(timer);
    assert!((3_500..=3_601).contains(&ahead), "{ahead} s");
    assert!(!property::<bool>(&timer.properties, "WakeSystem"));

    // What it starts delivers the message, once it is due.
    let exec: ExecStart = property(&timer.service_properties, "ExecStart");
    let [(program, words, false)] = &exec[..] else {
        panic!("one command: {exec:?}");
    };
    assert_eq!(&words[0], program);
    assert!(!words.contains(&"--control".to_owned()), "{words:?}");
    let mut command = Command::new(program);
    command
        .args(&words[1..])
        .current_dir(property::<String>(
            &timer.service_properties,
            "WorkingDirectory",
        ))
        .env("DBUS_SESSION_BUS_ADDRESS", bus.address());
    drop(timers);
    let told = Told::new(run(&mut command));
    let report: Value = serde_json::from_str(told.succeeded()).expect("a line of JSON");
    assert_eq!((&report["left"], &report["failed"]), (&1.into(), &0.into()));
    // Not due yet: there is a timer again, and only one.
    assert_eq!(systemd.timers().len(), 1);
}

#[test]
fn there_is_one_timer_a_profile_and_none_without_need() {
    let (site, profile, bus) = (Site::new(WORKER), folder(), SessionBus::start());
    let systemd = Systemd::start(&bus);
    let builder = || with_timer(profile.path(), bus.address(), "wake_system = true");
    fail_once(&site, builder()).quit();
    let first: Vec<_> = systemd.timers().keys().cloned().collect();
    assert_eq!(first.len(), 1);
    for timer in systemd.timers().values() {
        assert!(property::<bool>(&timer.properties, "WakeSystem"));
    }
    site.open_with(builder()).quit();
    let second: Vec<_> = systemd.timers().keys().cloned().collect();
    assert_eq!(second.len(), 1);
    // Nothing is left to do.
    let mut kiosk = site.open_with(builder());
    kiosk.command("clear-syncs 127.0.0.1");
    kiosk.wait_for_sync("removed");
    kiosk.quit();
    assert!(systemd.timers().is_empty());
}

#[test]
fn what_waits_for_a_network_is_looked_after() {
    let (site, profile, bus) = (Site::new(WORKER), folder(), SessionBus::start());
    let systemd = Systemd::start(&bus);
    let mut kiosk = site.open_with(with_timer(profile.path(), bus.address(), ""));
    kiosk.set_network("offline");
    kiosk.register_sync("outbox");
    kiosk.quit();
    let timers = systemd.timers();
    let ahead: Vec<_> = timers.values().map(seconds_ahead).collect();
    assert!(matches!(ahead[..], [880..=901]), "{ahead:?}");
}

#[test]
fn without_systemd_the_kiosk_ends_all_the_same() {
    let (site, profile, bus) = (Site::new(WORKER), folder(), SessionBus::start());
    for address in [bus.address(), "unix:path=/nowhere"] {
        let kiosk = fail_once(&site, with_timer(profile.path(), address, ""));
        let took = kiosk.quit();
        assert!(took < Duration::from_secs(10), "{took:?}");
        // Whoever reads the log is told.
        let mut kiosk = site.open_with(with_timer(profile.path(), address, ""));
        kiosk.command("clear-syncs 127.0.0.1");
        kiosk.wait_for_sync("removed");
        kiosk.quit();
    }
}

#[test]
fn nothing_is_handed_over_without_being_told_to() {
    let (site, profile, bus) = (Site::new(WORKER), folder(), SessionBus::start());
    let systemd = Systemd::start(&bus);
    let builder = Kiosk::builder()
        .profile(profile.path())
        .environment("DBUS_SESSION_BUS_ADDRESS", bus.address())
        .background_sync(SLOW_RETRIES);
    fail_once(&site, builder).quit();
    assert!(systemd.timers().is_empty());
}
