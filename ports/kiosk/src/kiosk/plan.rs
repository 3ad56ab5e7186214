//! What the command line and the configuration come to.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Instant;

use url::Url;

use crate::arguments::WindowSize;
use crate::browser::BrowserOptions;
use crate::config::fleet::FleetConfig;
use crate::config::values::TimeLimit;
use crate::connectivity::ConnectivityConfig;
use crate::output::ReportedEvents;
use crate::permissions::OriginUrl;
use crate::profile::Profile;
use crate::time_of_day::TimeOfDay;

/// What a kiosk is to do, decided before anything is started.
pub struct Plan {
    /// What to show.
    pub page: PageChoice,
    /// Who decides what happens.
    pub direction: Direction,
    /// What of it is reported to a program.
    pub reported_events: ReportedEvents,
    /// When the kiosk was started.
    pub start: Instant,
    /// What the engine is started with.
    pub browser: BrowserOptions,
    /// Whether the network is cut at the start.
    pub is_cut: bool,
    /// How to find out whether the machine has a network.
    pub connectivity: ConnectivityConfig,
    /// The port for WebDriver, if it is served.
    pub webdriver: Option<NonZeroU16>,
    /// How the window looks.
    pub window: WindowLook,
    /// What it does by itself while nobody looks after it.
    pub unattended: UnattendedPlan,
    /// The profile in use; kept until the engine has ended.
    pub profile: Profile,
    /// Who can ask it for something besides.
    pub operators: Operators,
    /// Whether `kiosk:syncs` may be shown.
    pub syncs_page: bool,
    /// What it tells to whoever looks after many kiosks.
    pub fleet: FleetConfig,
    /// Where screenshots of the scenario go.
    pub screenshot_folder: PathBuf,
}

/// How the window looks.
#[derive(Clone, Copy, Debug)]
pub struct WindowLook {
    /// Size of the page.
    pub size: WindowSize,
    /// Whether it fills the screen.
    pub is_full_screen: bool,
    /// Whether the pointer is hidden over it.
    pub hides_pointer: bool,
}

/// What a kiosk does by itself while nobody looks after it.
pub struct UnattendedPlan {
    /// Whether a page that crashed or could not be loaded is loaded again.
    pub recovers: bool,
    /// The origins of pages that may be shown beside that of the start page. `None`: all.
    pub allowed_origins: Option<Vec<OriginUrl>>,
    /// A server that has not answered the page's request after so long is asked again.
    pub answer_limit: Option<TimeLimit>,
    /// After so long without input of a person, the start page returns.
    pub idle_reset: Option<TimeLimit>,
    /// Whether it runs without a window until there is a display.
    pub waits_for_display: bool,
    /// When it restarts itself.
    pub restart_at: Option<TimeOfDay>,
}

/// What to show.
pub enum PageChoice {
    /// Any page.
    Url(Url),
    /// The bundled app, served by the kiosk.
    OutboxApp {
        /// Port of its server, 0 for any.
        port: u16,
        /// How many messages the server refuses first.
        refuse_first: u32,
    },
}

/// Whether operators can ask a kiosk for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operators {
    /// They can, over a socket in the profile.
    BySocket,
    /// They can't.
    None,
}

/// Who decides what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The scenario.
    Scenario,
    /// A program, over the control channel.
    Program,
    /// A program, by WebDriver.
    WebDriver,
    /// A person.
    Person,
    /// Nobody: it delivers what is due without a window, and ends.
    SyncOnly,
}

impl Direction {
    /// Whether it has the network that the machine has; a program and a scenario say themselves which network there is.
    pub fn has_machines_network(self) -> bool {
        matches!(self, Self::Person | Self::SyncOnly)
    }
}
