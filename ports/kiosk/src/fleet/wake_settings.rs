//! Whether the system is to start the kiosk for what is due while it does not run.

use serde::Deserialize;

/// `[wake]` of the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WakeSettings {
    /// Whether the next due time is handed to systemd when the kiosk ends.
    pub timer: bool,
    /// Whether the timer wakes a device that is asleep.
    pub wake_system: bool,
    /// Whose timer it is; by default, root's is the system's, and anybody else's is their own.
    pub manager: Option<Manager>,
}

/// An instance of systemd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Manager {
    /// That of the machine.
    System,
    /// That of the user.
    User,
}
