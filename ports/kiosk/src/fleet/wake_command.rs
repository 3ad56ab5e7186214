//! The command by which the system starts a kiosk again.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Options that are for the run that ends, and whether a value follows.
const LEFT_OUT: [(&str, bool); 4] = [
    ("--control", true),
    ("--profile", true),
    ("--webdriver", false),
    ("--sync-only", false),
];

/// What to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WakeCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, without its name.
    pub arguments: Vec<String>,
    /// Where relative paths among them begin.
    pub folder: PathBuf,
}

impl WakeCommand {
    /// The command line of this process, as a run that only syncs. `None`: a part of it is no text.
    pub fn new(
        program: PathBuf,
        arguments: impl IntoIterator<Item = OsString>,
        folder: PathBuf,
        profile: &Path,
    ) -> Option<Self> {
        let mut kept = vec![
            "--sync-only".to_owned(),
            "--profile".to_owned(),
            profile.to_str()?.to_owned(),
        ];
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let argument = argument.into_string().ok()?;
            let name = argument
                .split_once('=')
                .map_or(&*argument, |(name, _)| name);
            match LEFT_OUT.iter().find(|(left_out, _)| *left_out == name) {
                Some((_, true)) if name == argument => {
                    arguments.next();
                }
                Some(_) => {}
                None => kept.push(argument),
            }
        }
        Some(Self {
            program,
            arguments: kept,
            folder,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_for_the_run_that_ends_is_left_out() {
        let line = "--headless --control stdio --profile p --config k.toml --webdriver=7 --pref a=b https://a.example/";
        let command = WakeCommand::new(
            "/usr/bin/kiosk".into(),
            line.split(' ').map(OsString::from),
            "/srv".into(),
            Path::new("/srv/p"),
        );
        let arguments = command.expect("text").arguments.join(" ");
        assert_eq!(
            arguments,
            "--sync-only --profile /srv/p --headless --config k.toml --pref a=b https://a.example/"
        );
    }
}
