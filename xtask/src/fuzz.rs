//! `./mach fuzz`: hostile bytes for the component, made by cargo-fuzz.

use std::process::{Command, ExitCode};

use anyhow::Result;
use clap::Args;
use fs_err as fs;

use crate::command;
use crate::files;
use crate::paths::Paths;

/// Where the targets are, with their seeds, what was found to be worth keeping (`corpus`), and what
/// failed (`artifacts`).
const FOLDER: &str = "tests/fuzz";
/// Longest input, in bytes: some hundred messages.
const MAX_INPUT_BYTES: u32 = 2_048;
/// An input that takes longer is a finding, in seconds.
const INPUT_LIMIT_SECONDS: u32 = 120;

/// What to run.
#[derive(Args)]
pub struct Fuzz {
    /// How long to run each target
    #[arg(long, value_name = "N", default_value_t = 600)]
    seconds: u32,
}

/// Runs one target after the other; stops at the first finding.
pub fn run(paths: &Paths, fuzz: &Fuzz) -> Result<ExitCode> {
    let folder = paths.root.join(FOLDER);
    for file in files::list(&folder.join("fuzz_targets"))? {
        let target = file.with_extension("");
        let corpus = folder.join("corpus").join(&target);
        fs::create_dir_all(&corpus)?;
        // Only nightly compilers have what the fuzzer needs to see which code ran.
        let mut program = Command::new("rustup");
        program
            .args(["run", "nightly", "cargo", "fuzz", "run", "--fuzz-dir"])
            .arg(&folder)
            .arg(&target)
            .args([&corpus, &folder.join("seeds").join(&target)])
            .arg("--")
            .arg(format!("-max_total_time={}", fuzz.seconds))
            .arg(format!("-max_len={MAX_INPUT_BYTES}"))
            .arg(format!("-timeout={INPUT_LIMIT_SECONDS}"))
            .args(["-len_control=0", "-print_final_stats=1"]);
        if !command::status(&mut program)?.success() {
            eprintln!(
                "error: {} did not pass; what it needs: rustup toolchain install nightly, \
                 cargo install cargo-fuzz --locked",
                target.display()
            );
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}
