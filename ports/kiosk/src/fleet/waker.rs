//! Hands the next due time on when the kiosk ends, so that it is started for it.

use std::env;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::next_sync_file::NextSyncFile;
#[cfg(feature = "wake")]
use super::systemd::{self, Wish};
use super::wake_command::WakeCommand;
use super::wake_settings::{Manager, WakeSettings};

/// Hands over.
pub struct Waker {
    recipient: Recipient,
    wakes_system: bool,
}

/// Who is handed the time.
enum Recipient {
    /// systemd, which is told how to start the kiosk.
    Systemd(SystemdTimer),
    /// Whoever has started the kiosk, and knows how.
    File(NextSyncFile),
}

impl Waker {
    /// For this profile, if the configuration wants it. With a file, systemd is not told. To be made at the start: after an upgrade,
    /// the path of the program that runs is known no more.
    ///
    /// # Errors
    /// If the command can't be written down.
    pub fn new(
        settings: WakeSettings,
        file: Option<NextSyncFile>,
        profile: &Path,
    ) -> Result<Option<Self>, String> {
        if !settings.timer {
            return Ok(None);
        }
        let recipient = match file {
            Some(file) => Recipient::File(file),
            None => Recipient::Systemd(SystemdTimer::new(settings.manager, profile)?),
        };
        Ok(Some(Self {
            recipient,
            wakes_system: settings.wake_system,
        }))
    }

    /// Has the kiosk started after this time. `None`: not at all. Returns who starts it: the timer, or the reader of the file.
    ///
    /// # Errors
    /// If there is no systemd, or it refuses; if the file can't be written.
    pub fn hand_over(&self, time: Option<Duration>) -> Result<Option<String>, String> {
        let at = time.map(|time| SystemTime::now() + time);
        match &self.recipient {
            Recipient::Systemd(timer) => timer.hand_over(at, self.wakes_system),
            Recipient::File(file) => leave_in(file, at, self.wakes_system),
        }
    }
}

fn leave_in(
    file: &NextSyncFile,
    at: Option<SystemTime>,
    wakes_system: bool,
) -> Result<Option<String>, String> {
    let path = file.path().display();
    let left = match at {
        Some(at) => file
            .write(at, wakes_system)
            .map(|()| Some(format!("whoever reads {path}"))),
        None => file.remove().map(|()| None),
    };
    left.map_err(|error| format!("{path}: {error}"))
}

/// Sets timers of systemd.
struct SystemdTimer {
    manager: Manager,
    command: WakeCommand,
    profile: PathBuf,
}

impl SystemdTimer {
    /// With this manager, or else with this user's own.
    fn new(manager: Option<Manager>, profile: &Path) -> Result<Self, String> {
        let program = env::current_exe().map_err(|error| error.to_string())?;
        let folder = env::current_dir().map_err(|error| error.to_string())?;
        let arguments = env::args_os().skip(1);
        let command = WakeCommand::new(program, arguments, folder, profile)
            .ok_or("a part of the command line is no UTF-8")?;
        let own = match rustix::process::geteuid().is_root() {
            true => Manager::System,
            false => Manager::User,
        };
        Ok(Self {
            manager: manager.unwrap_or(own),
            command,
            profile: profile.to_owned(),
        })
    }

    #[cfg(feature = "wake")]
    fn hand_over(
        &self,
        at: Option<SystemTime>,
        wakes_system: bool,
    ) -> Result<Option<String>, String> {
        let handed_over = match at {
            Some(at) => {
                let wish = Wish {
                    at,
                    command: &self.command,
                    profile: &self.profile,
                    wakes_system,
                };
                systemd::set_timer(self.manager, &wish)
                    .map(|timer| Some(format!("systemd, by {timer}")))
            }
            None => systemd::remove_timers(self.manager, &self.profile).map(|()| None),
        };
        handed_over.map_err(|error| format!("systemd can't be told: {error}"))
    }

    #[cfg(not(feature = "wake"))]
    fn hand_over(&self, _: Option<SystemTime>, _: bool) -> Result<Option<String>, String> {
        Err("systemd can't be told: this kiosk was built without that".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn waker(timer: bool, file: &Path) -> Option<Waker> {
        let settings = WakeSettings {
            timer,
            wake_system: true,
            // The file wins.
            manager: Some(Manager::System),
        };
        let file = NextSyncFile::take_over(file).expect("it can be removed");
        Waker::new(settings, Some(file), Path::new("/nowhere")).expect("there is no command")
    }

    #[test]
    fn a_file_has_the_time_while_something_is_due() {
        let folder = tempfile::tempdir().expect("a writable folder");
        let path = folder.path().join("next-sync");
        let waker = waker(true, &path).expect("it is wanted");
        let hour = Duration::from_secs(3600);
        let before = SystemTime::now() + hour;
        let starter = waker.hand_over(Some(hour)).expect("a writable folder");
        let starter = starter.expect("something is due");
        assert!(starter.ends_with("/next-sync"), "{starter}");
        let text = fs::read_to_string(&path).expect("it is there");
        let at = text.strip_suffix(" wake\n").expect("it wakes the device");
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(at.parse().expect("seconds"));
        assert!(at >= before, "rounded up");
        assert!(at <= SystemTime::now() + hour + Duration::from_secs(1));
        assert_eq!(waker.hand_over(None), Ok(None));
        assert!(!path.exists(), "nothing is due any more");
    }

    #[test]
    fn without_a_timer_there_is_no_file() {
        let folder = tempfile::tempdir().expect("a writable folder");
        let path = folder.path().join("next-sync");
        fs::write(&path, "7\n").expect("a writable folder");
        assert!(waker(false, &path).is_none());
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_can_not_be_written_is_named() {
        let path = Path::new("/nowhere/next-sync");
        let waker = waker(true, path).expect("it is wanted");
        let refused = waker.hand_over(Some(Duration::from_secs(60)));
        let reason = refused.expect_err("there is no such folder");
        assert!(reason.starts_with("/nowhere/next-sync: "), "{reason}");
    }
}
