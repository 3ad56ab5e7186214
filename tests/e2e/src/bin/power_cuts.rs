//! `./mach power-cuts`: the tests of power cuts, for as long as one likes.

use std::process::ExitCode;

use background_sync_e2e::again_in_namespace;
use background_sync_e2e::power_cut::{self, End, Storage, Trial, Until, can_cut_power};
use clap::Parser;

/// Cut the power of a kiosk again and again, and look what is left
#[derive(Parser)]
#[command(name = "./mach power-cuts")]
struct Arguments {
    /// How often
    #[arg(long, value_name = "N", default_value_t = 100)]
    rounds: u32,
    /// Kill the kiosk instead, so that what it had given to the file system is kept
    #[arg(long)]
    sigkill: bool,
    /// Do what the run that has printed this did
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(code) => code,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let end = if arguments.sigkill {
        End::Kill
    } else {
        if let Some(status) = again_in_namespace()? {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            return Ok(code.map_or(ExitCode::FAILURE, ExitCode::from));
        }
        can_cut_power()?;
        End::PowerCut
    };
    let report = power_cut::run(&Trial {
        rounds: arguments.rounds,
        seed: arguments.seed.unwrap_or_else(power_cut::any_seed),
        end,
        storage: Storage::Default,
        until: Until::AllRounds,
    });
    println!("{report}");
    Ok(match report.findings() {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}
