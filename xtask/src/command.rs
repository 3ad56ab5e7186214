//! Starts other programs, and turns their failures into one sentence.
//!
//! Not `xshell` or `duct`: what is here is above all which variables cargo may see, and several callers need the `Command`
//! itself, for pipes or to replace this process.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::{Command, ExitCode, ExitStatus, Output, Stdio};

use anyhow::{Context, Result, anyhow, bail};

/// Cargo, without the variables that an outer `cargo run` leaves behind.
///
/// Build scripts that watch a variable would run again whenever it differs, and SpiderMonkey's takes
/// a quarter of an hour. So whatever may differ between two ways of starting this tool is removed;
/// what says where cargo keeps things, and how it reaches the network, stays.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if !survives_in_cargo(&name) {
            command.env_remove(name);
        }
    }
    command
}

fn survives_in_cargo(name: &OsStr) -> bool {
    const KEPT: [&str; 6] = [
        "CARGO_HOME",
        "CARGO_BUILD_JOBS",
        "CARGO_NET",
        "CARGO_HTTP",
        "CARGO_REGISTR",
        "CARGO_TERM",
    ];
    const DROPPED: [&str; 8] = [
        "CARGO",
        "RUSTFLAGS",
        "RUSTDOCFLAGS",
        "RUST_RECURSION_COUNT",
        "MAKE",
        "MAKEFLAGS",
        "MAKELEVEL",
        "MFLAGS",
    ];
    let Some(name) = name.to_str() else {
        return true;
    };
    if name.starts_with("CARGO_") {
        return KEPT.iter().any(|kept| name.starts_with(kept));
    }
    !DROPPED.contains(&name)
}

/// Runs a program and returns what it printed; a failure carries its error output.
pub fn output(command: &mut Command) -> Result<Output> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| start_error(command, error))?;
    check(command, output)
}

/// Like [`output`], as text without the final line break.
pub fn text(command: &mut Command) -> Result<String> {
    let output = output(command)?;
    let text = String::from_utf8(output.stdout)
        .with_context(|| format!("{} printed bytes that are no text", describe(command)))?;
    Ok(text.trim_end_matches('\n').to_owned())
}

/// Runs a program with `input` on its standard input.
pub fn output_with_input(command: &mut Command, input: &[u8]) -> Result<Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| start_error(command, error))?;
    // Every caller's program reads its whole input before it prints more than a pipe holds.
    if let Some(mut stdin) = child.stdin.take()
        && let Err(error) = stdin.write_all(input)
        && error.kind() != ErrorKind::BrokenPipe
    {
        return Err(error).with_context(|| format!("cannot talk to {}", describe(command)));
    }
    child
        .wait_with_output()
        .map_err(|error| start_error(command, error))
}

/// Runs a program on this terminal.
pub fn status(command: &mut Command) -> Result<ExitStatus> {
    command
        .stdin(Stdio::null())
        .status()
        .map_err(|error| start_error(command, error))
}

/// What a command of ours ends with.
pub fn exit_code(is_good: bool) -> ExitCode {
    match is_good {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// The error for a program that ended with a failure.
pub fn check(command: &Command, output: Output) -> Result<Output> {
    if output.status.success() {
        return Ok(output);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    bail!(
        "{} failed ({}): {}",
        describe(command),
        output.status,
        stderr.trim()
    )
}

/// The error for a program that could not be started.
pub fn start_error(command: &Command, error: std::io::Error) -> anyhow::Error {
    let program = command.get_program().to_string_lossy();
    if error.kind() == ErrorKind::NotFound
        && command
            .get_current_dir()
            .is_none_or(|folder| folder.is_dir())
    {
        return anyhow!("{program} is not installed, or not on the PATH");
    }
    anyhow::Error::new(error).context(format!("cannot start {program}"))
}

/// The command line, for error messages.
pub fn describe(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        let _ = write!(line, " {}", argument.to_string_lossy());
    }
    line
}

/// Where a program of this name is on the PATH.
pub fn find_on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// Whether there is one.
pub fn is_on_path(program: &str) -> bool {
    find_on_path(program).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_sees_no_variable_of_an_outer_cargo() {
        for name in [
            "CARGO",
            "CARGO_MANIFEST_DIR",
            "CARGO_PKG_NAME",
            "RUSTFLAGS",
            "MAKEFLAGS",
        ] {
            assert!(!survives_in_cargo(OsStr::new(name)), "{name}");
        }
        for name in [
            "CARGO_HOME",
            "CARGO_NET_OFFLINE",
            "CARGO_REGISTRIES_X_INDEX",
            "PATH",
            "CC",
        ] {
            assert!(survives_in_cargo(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_missing_program_is_one_sentence() {
        let error = output(&mut Command::new("no-such-program-anywhere")).expect_err("must fail");
        assert!(format!("{error:#}").contains("not installed"), "{error:#}");
    }
}
