//! Hands a time to systemd, at which it starts a kiosk: as a transient timer, which is gone once it has elapsed or the machine
//! is started anew.
//!
//! <https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.systemd1.html>

use std::hash::Hasher;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use zbus::{OwnedObjectPath, Variant};

use super::wake_command::WakeCommand;
use super::wake_settings::Manager;

/// What the bus or systemd takes longer is given up: the kiosk ends all the same.
const PATIENCE: Duration = Duration::from_secs(5);

/// How exactly the time is kept. A device that sleeps does other things on waking up as well.
const ACCURACY: Duration = Duration::from_secs(1);

/// What ends a run that does not end by itself. It has a limit of its own, to which this leaves room.
const LONGEST_RUN: Duration = Duration::from_secs(60 * 60);

/// What units are called.
const PREFIX: &str = "background-sync-kiosk";

/// Properties of a unit.
type Properties<'a> = Vec<(&'a str, Variant<'a>)>;

/// As `ListUnitsByPatterns` tells of a unit: its name, and nine things besides.
type ListedUnit = (
    String,
    String,
    String,
    String,
    String,
    String,
    OwnedObjectPath,
    u32,
    String,
    OwnedObjectPath,
);

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait SystemdManager {
    fn start_transient_unit(
        &self,
        name: &str,
        mode: &str,
        properties: &Properties<'_>,
        auxiliary: &[(&str, Properties<'_>)],
    ) -> zbus::Result<OwnedObjectPath>;

    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;

    fn list_units_by_patterns(
        &self,
        states: &[&str],
        patterns: &[&str],
    ) -> zbus::Result<Vec<ListedUnit>>;
}

/// What systemd is to do.
#[derive(Debug)]
pub struct Wish<'a> {
    /// When.
    pub at: SystemTime,
    /// What to run.
    pub command: &'a WakeCommand,
    /// For which profile; there is one timer a profile.
    pub profile: &'a Path,
    /// Whether a device that is asleep is woken.
    pub wakes_system: bool,
}

/// Has systemd start a kiosk then, and not at the times that it was told before. Returns the name of the timer.
///
/// # Errors
/// If there is no systemd, or it refuses, or does not answer in time.
pub fn set_timer(manager: Manager, wish: &Wish<'_>) -> zbus::Result<String> {
    in_time(async {
        let systemd = connect(manager).await?;
        remove_old_timers(&systemd, wish.profile).await?;
        let name = name_of(wish.profile, wish.at);
        let (timer, service) = (format!("{name}.timer"), format!("{name}.service"));
        let auxiliary = [(&*service, service_properties(manager, wish.command))];
        systemd
            .start_transient_unit(&timer, "fail", &timer_properties(wish), &auxiliary)
            .await?;
        Ok(timer)
    })
}

/// Has systemd start no kiosk for this profile any more.
///
/// # Errors
/// As for [`set_timer`].
pub fn remove_timers(manager: Manager, profile: &Path) -> zbus::Result<()> {
    in_time(async {
        let systemd = connect(manager).await?;
        remove_old_timers(&systemd, profile).await
    })
}

async fn connect(manager: Manager) -> zbus::Result<SystemdManagerProxy<'static>> {
    let bus = match manager {
        Manager::System => zbus::connection::Builder::system(),
        Manager::User => zbus::connection::Builder::session(),
    };
    SystemdManagerProxy::builder(&bus.build().await?)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await
}

async fn remove_old_timers(systemd: &SystemdManagerProxy<'_>, profile: &Path) -> zbus::Result<()> {
    let pattern = format!("{}-*.timer", base_name(profile));
    for unit in systemd.list_units_by_patterns(&[], &[&pattern]).await? {
        systemd.stop_unit(&unit.0, "replace").await?;
    }
    Ok(())
}

fn in_time<T>(work: impl Future<Output = zbus::Result<T>>) -> zbus::Result<T> {
    let too_late = |_| Err(io::Error::from(io::ErrorKind::TimedOut).into());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, work)
            .await
            .unwrap_or_else(too_late)
    })
}

/// A name that no unit has had: one that has just been stopped may be there still.
fn name_of(profile: &Path, at: SystemTime) -> String {
    let since_1970 = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    format!("{}-{}", base_name(profile), since_1970.as_millis())
}

/// The same for the same profile, also of another build.
fn base_name(profile: &Path) -> String {
    let mut hash = Fnv1a::default();
    hash.write(profile.as_os_str().as_encoded_bytes());
    format!("{PREFIX}-{:016x}", hash.finish())
}

fn timer_properties<'a>(wish: &Wish<'_>) -> Properties<'a> {
    let at = DateTime::<Utc>::from(wish.at).format("%Y-%m-%d %H:%M:%S UTC");
    vec![
        ("Description", "The next sync of a kiosk".into()),
        (
            "TimersCalendar",
            vec![("OnCalendar".to_owned(), at.to_string())].into(),
        ),
        ("AccuracyUSec", microseconds(ACCURACY).into()),
        ("WakeSystem", wish.wakes_system.into()),
        ("RemainAfterElapse", false.into()),
    ]
}

fn service_properties<'a>(manager: Manager, command: &WakeCommand) -> Properties<'a> {
    let program = command.program.display().to_string();
    let mut words = vec![program.clone()];
    words.extend(command.arguments.iter().cloned());
    let mut properties: Properties<'a> = vec![
        ("Description", "A kiosk that sends what is due".into()),
        ("Type", "exec".into()),
        ("ExecStart", vec![(program, words, false)].into()),
        (
            "WorkingDirectory",
            command.folder.display().to_string().into(),
        ),
        ("RuntimeMaxUSec", microseconds(LONGEST_RUN).into()),
        ("CollectMode", "inactive-or-failed".into()),
        // What it tells by its exit code is nothing that systemd should call a failure: what was not sent is tried again.
        ("SuccessExitStatus", (vec![1_i32], Vec::<i32>::new()).into()),
    ];
    // A user's systemd knows nothing of the network.
    if manager == Manager::System {
        for name in ["Wants", "After"] {
            let target = vec!["network-online.target".to_owned()];
            properties.push((name, target.into()));
        }
    }
    properties
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>, 64 bits: the hash of Rust's library may be another in the next
/// release.
struct Fnv1a(u64);

impl Default for Fnv1a {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv1a {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
