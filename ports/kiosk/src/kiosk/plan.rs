//! What the command line and the configuration come to.

use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Instant;

use url::Url;

use crate::arguments::WindowSize;
use crate::browser::BrowserOptions;
use crate::connectivity::ConnectivityConfig;
use crate::profile::Profile;

/// What a kiosk is to do, decided before anything is started.
pub struct Plan {
    /// What to show.
    pub page: PageChoice,
    /// Who decides what happens.
    pub direction: Direction,
    /// When the kiosk was started.
    pub start: Instant,
    /// What the engine is started with.
    pub browser: BrowserOptions,
    /// How to find out whether the machine has a network.
    pub connectivity: ConnectivityConfig,
    /// The port for WebDriver, if it is served.
    pub webdriver: Option<NonZeroU16>,
    /// Size of the page.
    pub size: WindowSize,
    /// The profile in use; kept until the engine has ended.
    pub profile: Profile,
    /// Who can ask it for something besides.
    pub operators: Operators,
    /// Where screenshots of the scenario go.
    pub screenshot_folder: PathBuf,
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
}
