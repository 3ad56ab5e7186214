//! The commands of whoever looks after a device: `kiosk syncs list`, `kiosk status` and others.

pub mod arguments;
mod asking;
mod present;
mod stored;
mod table;
pub mod text;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use url::Url;

use self::arguments::{OperatorCommand, SyncsCommand, Target};
use self::asking::{Answers, Kiosk, reach};
use self::text::Format;
use crate::failure::Failure;
use crate::profile;
use crate::remote::protocol::{Line, MAX_PICTURE_BYTES, Request};

/// Does what an operator wants, and ends.
///
/// # Errors
/// If the kiosk or its profile can't be reached, or refuses it.
pub fn run(command: &OperatorCommand) -> Result<ExitCode, Failure> {
    let request = request_of(command)?;
    let target = command.target();
    let answers = find(target)?.ask(&request)?;
    let format = target.format();
    match command {
        OperatorCommand::Syncs(command) => match command {
            SyncsCommand::List(_) => present::syncs(answers, format),
            SyncsCommand::Why { which, .. } => present::why(answers, &which.tag, format),
            SyncsCommand::Dispatch { .. } => present::outcome(answers, format),
            SyncsCommand::Clear { .. } => present::cleared(answers, format),
            SyncsCommand::Journal { .. } => present::journal(answers, format),
        },
        OperatorCommand::Status(_) => present::status(answers, format),
        OperatorCommand::Screenshot { file, .. } => save_picture(answers, file, format),
        OperatorCommand::Reload(_) => present::done(answers, "The page is loaded again.", format),
        OperatorCommand::Open { .. } => present::done(answers, "The page is being loaded.", format),
    }
}

fn request_of(command: &OperatorCommand) -> Result<Request, Failure> {
    Ok(match command {
        OperatorCommand::Syncs(command) => match command {
            SyncsCommand::List(_) => Request::Syncs,
            SyncsCommand::Why { which, .. } => Request::Why(which.selection()),
            SyncsCommand::Dispatch { which, .. } => Request::Dispatch(which.selection()),
            SyncsCommand::Clear { origin, .. } => Request::Clear {
                origin: origin.clone(),
            },
            SyncsCommand::Journal { follow, last, .. } => match follow {
                true => Request::FollowJournal { limit: *last },
                false => Request::Journal { limit: *last },
            },
        },
        OperatorCommand::Status(_) => Request::Status,
        OperatorCommand::Screenshot { .. } => Request::Screenshot,
        OperatorCommand::Reload(_) => Request::Reload,
        OperatorCommand::Open { url, .. } => Request::Open {
            url: parse_url(url)?,
        },
    })
}

fn parse_url(text: &str) -> Result<String, Failure> {
    let parsed = Url::parse(text).map_err(|error| {
        Failure::usage(format!(
            "`{text}` is not a URL such as http://localhost:8080/: {error}"
        ))
    })?;
    Ok(parsed.into())
}

/// Says on standard error who answers.
fn find(target: &Target) -> Result<Kiosk, Failure> {
    let folder = match &target.profile {
        Some(folder) => folder.clone(),
        None => profile::default_path()?,
    };
    let kiosk = reach(&folder)?;
    // In words that an operator looks for when something surprises them; programs read standard output.
    eprintln!(
        "kiosk: {}",
        match &kiosk {
            Kiosk::Running(_) => format!("the running kiosk answers ({})", folder.display()),
            Kiosk::Stored(_) => format!(
                "no kiosk runs; this is read from its profile, {}",
                folder.display()
            ),
        }
    );
    Ok(kiosk)
}

/// The kiosk sends the picture, and this process writes it: the kiosk may be a service that can't write there.
fn save_picture(mut answers: Answers, file: &Path, format: Format) -> Result<ExitCode, Failure> {
    let bytes = match answers.next_line()? {
        Some(Line::Ok(fields)) => fields["png_bytes"].as_u64(),
        Some(Line::Error(reason)) => return Err(Failure::unsuccessful(text::printable(&reason))),
        _ => None,
    };
    let bytes = bytes
        .filter(|&bytes| bytes <= MAX_PICTURE_BYTES)
        .ok_or_else(text::not_understood)?;
    let png = answers.read_bytes(bytes)?;
    fs::write(file, png).map_err(|error| {
        Failure::environment(format!("{} can't be written: {error}", file.display()))
    })?;
    present::done_with(&format!("The picture is in {}.", file.display()), format)
}
