//! The command line of an operator.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::text::Format;
use crate::remote::protocol::Selection;
use crate::sync_report::api::API_NAMES;

/// What an operator wants.
#[derive(Debug, Subcommand)]
pub enum OperatorCommand {
    /// Look at what waits to be sent, and act on it.
    #[command(subcommand)]
    Syncs(SyncsCommand),
    /// Tell how the running kiosk is; exit code 1 if none runs.
    Status(Target),
    /// Write what the running kiosk shows to a PNG file.
    Screenshot {
        /// The file; one that exists is replaced.
        file: PathBuf,
        /// Which kiosk.
        #[command(flatten)]
        target: Target,
    },
    /// Have the running kiosk load its page again.
    Reload(Target),
    /// Have the running kiosk load another page.
    Open {
        /// Its address.
        url: String,
        /// Which kiosk.
        #[command(flatten)]
        target: Target,
    },
}

impl OperatorCommand {
    /// Which kiosk it is for.
    pub fn target(&self) -> &Target {
        match self {
            Self::Syncs(
                SyncsCommand::List(target)
                | SyncsCommand::Why { target, .. }
                | SyncsCommand::Dispatch { target, .. }
                | SyncsCommand::Clear { target, .. }
                | SyncsCommand::Journal { target, .. },
            )
            | Self::Status(target)
            | Self::Screenshot { target, .. }
            | Self::Reload(target)
            | Self::Open { target, .. } => target,
        }
    }
}

/// About what waits to be sent.
#[derive(Debug, Subcommand)]
pub enum SyncsCommand {
    /// What waits to be sent, and what each waits for.
    List(Target),
    /// Why something has not been sent yet, or what became of it.
    Why {
        /// Which one.
        #[command(flatten)]
        which: Which,
        /// Which kiosk.
        #[command(flatten)]
        target: Target,
    },
    /// Send something now, whatever it waits for, and tell how that ended; exit code 1 if it was not delivered.
    Dispatch {
        /// Which one.
        #[command(flatten)]
        which: Which,
        /// Which kiosk.
        #[command(flatten)]
        target: Target,
    },
    /// Drop everything of an origin that waits to be sent. It is not sent any more.
    Clear {
        /// The origin: https://app.example, say.
        origin: String,
        /// Which kiosk.
        #[command(flatten)]
        target: Target,
    },
    /// What has happened to what was to be sent.
    Journal {
        /// Go on telling what happens, until this is interrupted.
        #[arg(long, short)]
        follow: bool,
        /// Only so many of the newest entries.
        #[arg(long, value_name = "COUNT")]
        last: Option<usize>,
        /// Which kiosk.
        #[command(flatten)]
        target: Target,
    },
}

/// Which of the things that wait.
#[derive(Clone, Debug, Args)]
pub struct Which {
    /// Its name, as the app has registered it; `kiosk syncs list` shows it.
    pub tag: String,
    /// If several have the name: the one of this app, by the scope of its service worker.
    #[arg(long, value_name = "URL")]
    pub scope: Option<String>,
    /// If several have the name: the one that this API has made.
    #[arg(long, value_name = "API", value_parser = API_NAMES)]
    pub api: Option<String>,
}

impl Which {
    /// As it is asked for.
    pub fn selection(&self) -> Selection {
        Selection {
            tag: self.tag.clone(),
            scope: self.scope.clone(),
            api: self.api.clone(),
        }
    }
}

/// Which kiosk, and how it is shown.
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// The profile folder of the kiosk [default: background-sync-kiosk in $XDG_DATA_HOME].
    #[arg(long, value_name = "DIR")]
    pub profile: Option<PathBuf>,
    /// For programs: JSON on standard output.
    #[arg(long)]
    pub json: bool,
}

impl Target {
    /// How it is shown.
    pub fn format(&self) -> Format {
        match self.json {
            true => Format::Json,
            false => Format::Text,
        }
    }
}

/// The words of a command line in the order in which they are understood: `kiosk --profile DIR syncs list` is
/// `kiosk syncs list --profile DIR`. Other command lines stay as they are.
pub fn command_first(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<_> = words.into_iter().collect();
    let mut options_end = 1;
    while let Some(word) = words.get(options_end).and_then(|word| word.to_str()) {
        match word {
            "--profile" => options_end += 2,
            "--json" => options_end += 1,
            _ if word.starts_with("--profile=") => options_end += 1,
            _ => break,
        }
    }
    let command_words = match words.get(options_end).and_then(|word| word.to_str()) {
        Some("syncs") => 2,
        Some("status" | "screenshot" | "reload" | "open") => 1,
        _ => return words,
    };
    let command_end = (options_end + command_words).min(words.len());
    words[1..command_end].rotate_left(options_end - 1);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_may_come_first() {
        let ordered = |line: &str| {
            let words = command_first(line.split_whitespace().map(OsString::from));
            words.join(&OsString::from(" ")).into_string()
        };
        for (line, in_order) in [
            (
                "kiosk --profile p syncs list",
                "kiosk syncs list --profile p",
            ),
            (
                "kiosk --json --profile=p syncs why -- -a",
                "kiosk syncs why --json --profile=p -- -a",
            ),
            ("kiosk --profile p status", "kiosk status --profile p"),
            ("kiosk --json syncs", "kiosk syncs --json"),
            ("kiosk status --json", "kiosk status --json"),
            ("kiosk --profile p http://a/", "kiosk --profile p http://a/"),
            ("kiosk --profile p -z status", "kiosk --profile p -z status"),
            ("kiosk --profile status", "kiosk --profile status"),
            ("kiosk", "kiosk"),
        ] {
            assert_eq!(ordered(line).as_deref(), Ok(in_order), "{line}");
        }
    }
}
