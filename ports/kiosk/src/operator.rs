//! The commands of whoever looks after a device: `kiosk syncs list`, `kiosk status` and others.

pub mod arguments;
mod asking;
mod present;
mod stored;
mod table;
mod text;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use url::Url;

use self::arguments::{OperatorCommand, SyncsCommand, Target};
use self::asking::{Kiosk, reach};
use crate::failure::Failure;
use crate::profile;
use crate::remote::protocol::{Line, MAX_PICTURE_BYTES, Request};

/// Does what an operator wants, and ends.
///
/// # Errors
/// If the kiosk or its profile can't be reached, or refuses it.
pub fn run(command: OperatorCommand) -> Result<ExitCode, Failure> {
    match command {
        OperatorCommand::Syncs(SyncsCommand::List(target)) => {
            let mut kiosk = find(&target)?;
            present::syncs(kiosk.ask(&Request::Syncs)?, target.format())
        }
        OperatorCommand::Syncs(SyncsCommand::Why { which, target }) => {
            let mut kiosk = find(&target)?;
            present::why(
                kiosk.ask(&Request::Why(which.selection()))?,
                &which.tag,
                target.format(),
            )
        }
        OperatorCommand::Syncs(SyncsCommand::Dispatch { which, target }) => {
            let mut kiosk = find(&target)?;
            present::outcome(
                kiosk.ask(&Request::Dispatch(which.selection()))?,
                target.format(),
            )
        }
        OperatorCommand::Syncs(SyncsCommand::Clear { origin, target }) => {
            let mut kiosk = find(&target)?;
            present::cleared(kiosk.ask(&Request::Clear { origin })?, target.format())
        }
        OperatorCommand::Syncs(SyncsCommand::Journal {
            follow,
            last: limit,
            target,
        }) => {
            let mut kiosk = find(&target)?;
            let request = match follow {
                true => Request::FollowJournal { limit },
                false => Request::Journal { limit },
            };
            present::journal(kiosk.ask(&request)?, target.format())
        }
        OperatorCommand::Status(target) => {
            let mut kiosk = find(&target)?;
            present::status(kiosk.ask(&Request::Status)?, target.format())
        }
        OperatorCommand::Screenshot { file, target } => screenshot(&file, &target),
        OperatorCommand::Reload(target) => {
            let mut kiosk = find(&target)?;
            present::done(
                kiosk.ask(&Request::Reload)?,
                "The page is loaded again.",
                target.format(),
            )
        }
        OperatorCommand::Open { url, target } => {
            let url = Url::parse(&url)
                .map_err(|error| {
                    Failure::usage(format!(
                        "`{url}` is not a URL such as http://localhost:8080/: {error}"
                    ))
                })?
                .to_string();
            let mut kiosk = find(&target)?;
            present::done(
                kiosk.ask(&Request::Open { url })?,
                "The page is being loaded.",
                target.format(),
            )
        }
    }
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
fn screenshot(file: &Path, target: &Target) -> Result<ExitCode, Failure> {
    let mut kiosk = find(target)?;
    let mut answers = kiosk.ask(&Request::Screenshot)?;
    let bytes = match answers.next_line()? {
        Some(Line::Ok(fields)) => fields["png_bytes"].as_u64(),
        Some(Line::Error(reason)) => return Err(Failure::unsuccessful(reason)),
        _ => None,
    };
    let bytes = bytes
        .filter(|&bytes| bytes <= MAX_PICTURE_BYTES)
        .ok_or_else(text::not_understood)?;
    let png = answers.read_bytes(bytes)?;
    write_file(file, &png)?;
    present::done_with(
        &format!("The picture is in {}.", file.display()),
        target.format(),
    )
}

fn write_file(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let path: PathBuf = file.to_owned();
    fs::File::create(&path)
        .and_then(|mut created| created.write_all(bytes))
        .map_err(|error| {
            Failure::environment(format!("{} can't be written: {error}", path.display()))
        })
}
