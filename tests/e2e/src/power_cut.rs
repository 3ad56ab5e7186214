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

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::app::App;
use self::plan::{Beginning, Place, Plan};
use self::round::Round;

pub use self::disk::{Disk, Journal};
pub use self::plan::CutPoint;
pub use self::report::{Promise, Report};

/// How a round ends the kiosk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The power is cut. Takes [`crate::in_namespace`], and a machine on which [`can_cut_power`].
    PowerCut,
    /// The power is cut right after everything was flushed.
    FlushAndPowerCut,
    /// It is killed: what it had given to the file system is kept.
    Kill,
}

/// How the kiosk stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// As it does by default.
    Default,
    /// Without flushing what sites store.
    Relaxed,
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// After all rounds.
    AllRounds,
    /// After the first that has lost something, at the latest after all.
    FirstFinding,
}

/// What to try.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    /// How often.
    pub rounds: u32,
    /// Decides what happens in each round, though not how fast.
    pub seed: u64,
    /// How the kiosk ends.
    pub end: End,
    /// How the kiosk stores.
    pub storage: Storage,
    /// When to stop.
    pub until: Until,
}

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
