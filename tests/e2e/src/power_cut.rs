//! Devices that lose their power, or their browser, at any moment: what `register()` has promised must hold.
//!
//! A round: the app logs in and sends messages; at a moment drawn by lot the kiosk is stopped where it is, and another
//! one starts, with no page open, on what had come to the disk by then. Not tried are cuts in the middle of a flush: the
//! kernel ends what it was asked for before the process stands still.

mod app;
mod disk;
mod medium;
mod plan;
mod report;
mod round;
mod trial;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::app::App;
pub(crate) use self::plan::Place;
use self::plan::{Beginning, Plan};
use self::round::Round;

pub use self::disk::{Disk, Journal};
pub(crate) use self::medium::Medium;
pub use self::plan::CutPoint;
pub use self::report::{Promise, Report};
pub use self::trial::{End, Storage, Trial, Until};

/// Whether this machine lets a power cut be played.
///
/// # Errors
/// What it lacks.
pub fn can_cut_power() -> Result<(), String> {
    let scratch = tempfile::tempdir().map_err(|error| error.to_string())?;
    let image = scratch.path().join("image");
    Disk::make(image, &scratch.path().join("disk"), Journal::Ordered)
        .map(drop)
        .map_err(|reason| format!("no file system on a loop device: {reason}"))
}

/// Runs all rounds.
pub fn run(trial: &Trial) -> Report {
    println!(
        "{:?}, {:?} storage, seed {}",
        trial.end, trial.storage, trial.seed
    );
    let app = App::start();
    let mut report = Report::default();
    let mut device = None;
    for number in 0..trial.rounds {
        let mut plan = Plan::of_round(trial.seed, number);
        if trial.end == End::Kill {
            plan.place = Place::Same;
        }
        let before = report.findings();
        report.begin(number);
        let kept = device
            .take()
            .filter(|_| plan.beginning == Beginning::Continued);
        // A round that breaks off must not keep the figures of the others back. Why it did is printed by then.
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let round = Round {
                trial,
                plan,
                number,
                app: &app,
            };
            round.play(kept, &mut report)
        }));
        report.check(Promise::Profile, ended.is_ok(), || "breaks off".to_owned());
        device = ended.ok().flatten();
        let findings = report.end(plan.cut, before);
        println!("round {number}: {plan}: {findings} findings");
        if findings > 0 && trial.until == Until::FirstFinding {
            break;
        }
    }
    report.note_repeated(app.repeated());
    report
}

/// A seed that no other run has.
pub fn any_seed() -> u64 {
    // Short enough to be typed.
    u64::from(fastrand::u32(..))
}
