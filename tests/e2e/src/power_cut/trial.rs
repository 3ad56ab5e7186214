//! What to try.

/// How a round ends the kiosk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The power is cut. Takes [`crate::in_namespace`], and a machine on which [`super::can_cut_power`].
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
