//! What can be asked of a running kiosk, and how that is written.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// One line, numbered from 1. Events that answer it carry the number.
#[derive(Debug)]
pub struct CommandLine {
    /// Which line it was.
    pub number: u64,
    /// What it says, or why it says nothing.
    pub command: Result<Command, String>,
    /// Dropped with the line once it has been followed.
    pub _outstanding: Arc<()>,
}

/// What can be asked of a running kiosk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Restore the network.
    Online,
    /// Cut the network.
    Offline,
    /// Load a page, or the one the kiosk was started with; opens a window if there is none.
    Open(Option<String>),
    /// Load the page again.
    Reload,
    /// Close the page and its window. The engine goes on.
    CloseWindow,
    /// Run a script in the page and report its value.
    Evaluate(String),
    /// Type into the focused element, as keys. `\n` is the Enter key, `\t` Tab, `\e` Escape, `\\` a backslash.
    Type(String),
    /// Press and release the primary mouse button at the middle of the first element that matches this selector.
    Click(String),
    /// Write the page as a PNG file.
    Screenshot(PathBuf),
    /// List the sync registrations.
    Syncs,
    /// Clear a site's sync registrations.
    ClearSyncs(String),
    /// Clear what a site has stored.
    ClearSiteData(String),
    /// Allow an origin to use background sync.
    Allow(String),
    /// Forbid it, and remove what it has registered.
    Forbid(String),
    /// Set one permission of an origin.
    Permission(SyncPermissionName, PermissionState, String),
    /// Fire the event of a periodic registration now.
    FirePeriodic {
        /// Of its service worker.
        scope: String,
        /// Of the registration.
        tag: String,
    },
    /// Remove a registration.
    Unregister {
        /// Which API made it.
        api: SyncApiName,
        /// Of its service worker.
        scope: String,
        /// Of the registration.
        tag: String,
    },
    /// Set what is added to the least interval between periodic events of an origin.
    ExtraInterval(ExtraTime, String),
    /// Act as a person does who clicks a notification, or one of its actions.
    ClickNotification(u64, Option<String>),
    /// Act as a person does who closes a notification.
    CloseNotification(u64),
    /// End the kiosk.
    Quit,
}

/// A permission that pages ask for, by its name in the permissions API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncPermissionName {
    /// `background-sync`.
    BackgroundSync,
    /// `periodic-background-sync`.
    PeriodicBackgroundSync,
    /// `notifications`.
    Notifications,
}

impl FromStr for SyncPermissionName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "background-sync" => Ok(Self::BackgroundSync),
            "periodic-background-sync" => Ok(Self::PeriodicBackgroundSync),
            "notifications" => Ok(Self::Notifications),
            _ => Err(format!(
                "`{text}` is not background-sync, periodic-background-sync or notifications"
            )),
        }
    }
}

/// The state of a permission, by its name in the permissions API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PermissionState {
    /// `granted`.
    Granted,
    /// `denied`.
    Denied,
    /// `prompt`: not decided, so it is as by default.
    Prompt,
}

impl FromStr for PermissionState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "granted" => Ok(Self::Granted),
            "denied" => Ok(Self::Denied),
            "prompt" => Ok(Self::Prompt),
            _ => Err(format!("`{text}` is not granted, denied or prompt")),
        }
    }
}

/// An API that makes registrations. Each has tags of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncApiName {
    /// `one-shot`: `registration.sync`.
    OneShot,
    /// `periodic`: `registration.periodicSync`.
    Periodic,
    /// `explainer`: `navigator.sync`.
    Explainer,
}

impl FromStr for SyncApiName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "one-shot" => Ok(Self::OneShot),
            "periodic" => Ok(Self::Periodic),
            "explainer" => Ok(Self::Explainer),
            _ => Err(format!("`{text}` is not one-shot, periodic or explainer")),
        }
    }
}

/// What is added to an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtraTime {
    /// So many milliseconds.
    Ms(u64),
    /// `never`: there is no next time.
    Never,
}

impl FromStr for ExtraTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self::Never);
        }
        text.parse()
            .map(Self::Ms)
            .map_err(|_| format!("`{text}` is neither milliseconds nor `never`"))
    }
}

/// For messages about an unknown command.
const COMMANDS: &str = "online, offline, open [URL], reload, close-window, eval JS, type TEXT, click SELECTOR, screenshot FILE, syncs, clear-syncs SITE, clear-site-data SITE, allow URL, forbid URL, permission NAME STATE URL, fire-periodic SCOPE TAG, unregister API SCOPE TAG, extra-interval TIME URL, notification click ID [ACTION], notification close ID, quit";

impl FromStr for Command {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let (name, argument) = match line.split_once(' ') {
            Some((name, argument)) if !argument.trim().is_empty() => (name, Some(argument)),
            Some((name, _)) => (name, None),
            None => (line, None),
        };
        let needed = || argument.ok_or_else(|| format!("`{name}` needs an argument"));
        let command = match name {
            "open" => Self::Open(argument.map(|url| url.trim().to_owned())),
            "eval" => Self::Evaluate(needed()?.to_owned()),
            "type" => Self::Type(unescape(needed()?)?),
            "click" => Self::Click(needed()?.trim().to_owned()),
            "screenshot" => Self::Screenshot(needed()?.trim().into()),
            "online" => Self::Online,
            "offline" => Self::Offline,
            "reload" => Self::Reload,
            "close-window" => Self::CloseWindow,
            "syncs" => Self::Syncs,
            "clear-syncs" => Self::ClearSyncs(needed()?.trim().to_owned()),
            "clear-site-data" => Self::ClearSiteData(needed()?.trim().to_owned()),
            "allow" => Self::Allow(needed()?.trim().to_owned()),
            "forbid" => Self::Forbid(needed()?.trim().to_owned()),
            "permission" => {
                let mut words = needed()?.split_whitespace();
                let (Some(name), Some(state), Some(url), None) =
                    (words.next(), words.next(), words.next(), words.next())
                else {
                    return Err("`permission` needs a name, a state and a URL".to_owned());
                };
                Self::Permission(name.parse()?, state.parse()?, url.to_owned())
            }
            "fire-periodic" => {
                // A tag may be empty.
                let (scope, tag) = needed()?.split_once(' ').unwrap_or((needed()?, ""));
                Self::FirePeriodic {
                    scope: scope.to_owned(),
                    tag: unescape(tag)?,
                }
            }
            "unregister" => {
                let (api, registration) = needed()?
                    .split_once(' ')
                    .ok_or("`unregister` needs an API, a scope and a tag")?;
                let (scope, tag) = registration.split_once(' ').unwrap_or((registration, ""));
                Self::Unregister {
                    api: api.parse()?,
                    scope: scope.to_owned(),
                    tag: unescape(tag)?,
                }
            }
            "extra-interval" => {
                let (time, url) = needed()?
                    .split_once(' ')
                    .ok_or("`extra-interval` needs a time and a URL")?;
                Self::ExtraInterval(time.parse()?, url.trim().to_owned())
            }
            "notification" => parse_notification(needed()?)?,
            "quit" => Self::Quit,
            _ => {
                return Err(format!(
                    "`{name}` is not a command; the commands are {COMMANDS}"
                ));
            }
        };
        Ok(command)
    }
}

fn parse_notification(text: &str) -> Result<Command, String> {
    let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
    let (id, action) = rest.split_once(' ').unwrap_or((rest, ""));
    let id = id
        .parse()
        .map_err(|_| format!("`{id}` is not the number of a notification"))?;
    match (verb, action) {
        ("click", "") => Ok(Command::ClickNotification(id, None)),
        ("click", action) => Ok(Command::ClickNotification(id, Some(unescape(action)?))),
        ("close", "") => Ok(Command::CloseNotification(id)),
        _ => Err("`notification` needs `click ID`, `click ID ACTION` or `close ID`".to_owned()),
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('e') => '\u{1b}',
                Some('\\') => '\\',
                _ => return Err(r"`\` must be followed by `n`, `t`, `e` or `\`".to_owned()),
            },
            other => other,
        });
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        for (line, command) in [
            ("online", Command::Online),
            ("close-window", Command::CloseWindow),
            (
                "open http://localhost/",
                Command::Open(Some("http://localhost/".to_owned())),
            ),
            ("open", Command::Open(None)),
            ("eval 1 + 1", Command::Evaluate("1 + 1".to_owned())),
            (r"type a\\b\n", Command::Type("a\\b\n".to_owned())),
            (r"type \e", Command::Type("\u{1b}".to_owned())),
            (
                "permission periodic-background-sync granted https://a.example/",
                Command::Permission(
                    SyncPermissionName::PeriodicBackgroundSync,
                    PermissionState::Granted,
                    "https://a.example/".to_owned(),
                ),
            ),
            (
                r"fire-periodic https://a.example/ the news\n",
                Command::FirePeriodic {
                    scope: "https://a.example/".to_owned(),
                    tag: "the news\n".to_owned(),
                },
            ),
            (
                "unregister one-shot https://a.example/ ",
                Command::Unregister {
                    api: SyncApiName::OneShot,
                    scope: "https://a.example/".to_owned(),
                    tag: String::new(),
                },
            ),
            ("notification click 7", Command::ClickNotification(7, None)),
            (
                "notification click 7 open the app",
                Command::ClickNotification(7, Some("open the app".to_owned())),
            ),
            ("notification close 7", Command::CloseNotification(7)),
            (
                "extra-interval never https://a.example/",
                Command::ExtraInterval(ExtraTime::Never, "https://a.example/".to_owned()),
            ),
        ] {
            assert_eq!(line.parse(), Ok(command), "{line}");
        }
    }

    #[test]
    fn wrong_lines_are_explained() {
        for line in [
            "",
            "fly",
            "type",
            "eval  ",
            r"type \x",
            "permission background-sync granted",
            "permission camera granted https://a.example/",
            "permission background-sync yes https://a.example/",
            "unregister https://a.example/ tag",
            "extra-interval soon https://a.example/",
            "extra-interval 1000",
            "notification 7",
            "notification click it",
            "notification close 7 now",
        ] {
            assert!(line.parse::<Command>().is_err(), "{line}");
        }
    }
}
