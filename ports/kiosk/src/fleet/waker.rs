//! Hands the next due time to the system when the kiosk ends.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;
#[cfg(feature = "wake")]
use std::time::SystemTime;

#[cfg(feature = "wake")]
use super::systemd::{self, Wish};
use super::wake_command::WakeCommand;
use super::wake_settings::{Manager, WakeSettings};

/// Hands over.
pub struct Waker {
    manager: Manager,
    wakes_system: bool,
    command: WakeCommand,
    profile: PathBuf,
}

impl Waker {
    /// For this profile, if the configuration wants it. To be made at the start: after an upgrade, the path of the program that
    /// runs is known no more.
    ///
    /// # Errors
    /// If the command can't be written down.
    pub fn new(settings: WakeSettings, profile: &Path) -> Result<Option<Self>, String> {
        if !settings.timer {
            return Ok(None);
        }
        let program = env::current_exe().map_err(|error| error.to_string())?;
        let folder = env::current_dir().map_err(|error| error.to_string())?;
        let arguments = env::args_os().skip(1);
        let command = WakeCommand::new(program, arguments, folder, profile)
            .ok_or("a part of the command line is no UTF-8")?;
        let own = match rustix::process::geteuid().is_root() {
            true => Manager::System,
            false => Manager::User,
        };
        Ok(Some(Self {
            manager: settings.manager.unwrap_or(own),
            wakes_system: settings.wake_system,
            command,
            profile: profile.to_owned(),
        }))
    }

    /// Has the system start the kiosk after this time. `None`: not at all. Returns the name of its timer.
    ///
    /// # Errors
    /// If there is no systemd, or it refuses.
    #[cfg(feature = "wake")]
    pub fn hand_over(&self, time: Option<Duration>) -> Result<Option<String>, String> {
        let handed_over = match time {
            Some(time) => {
                let wish = Wish {
                    at: SystemTime::now() + time,
                    command: &self.command,
                    profile: &self.profile,
                    wakes_system: self.wakes_system,
                };
                systemd::set_timer(self.manager, &wish).map(Some)
            }
            None => systemd::remove_timers(self.manager, &self.profile).map(|()| None),
        };
        handed_over.map_err(|error| error.to_string())
    }

    /// Can't.
    ///
    /// # Errors
    /// Always.
    #[cfg(not(feature = "wake"))]
    pub fn hand_over(&self, _: Option<Duration>) -> Result<Option<String>, String> {
        Err("this kiosk was built without it".to_owned())
    }
}
