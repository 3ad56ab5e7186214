//! What happens in a round, drawn by lot: the same seed, the same plans.

use std::fmt;
use std::time::Duration;

use fastrand::Rng;

use super::disk::Journal;

/// Longest time between the event that is waited for and the cut.
const MOST_DELAY_MICROSECONDS: u64 = 20_000;
const MOST_MESSAGES: usize = 3;

/// What was seen last before the cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CutPoint {
    /// The page has logged in.
    LoggedIn,
    /// The message is in IndexedDB: its transaction is complete.
    Stored,
    /// The page calls `register()`.
    Registering,
    /// It has resolved.
    Registered,
    /// The message is in `localStorage`, too.
    Kept,
    /// The `register()` after that has resolved.
    PageRegistered,
    /// The server got the worker's request.
    Requested,
    /// A sync event has ended.
    Finished,
}

impl CutPoint {
    /// Those that come without a network.
    const OFFLINE: [Self; 6] = [
        Self::LoggedIn,
        Self::Stored,
        Self::Registering,
        Self::Registered,
        Self::Kept,
        Self::PageRegistered,
    ];
    /// The last two twice, since only here they come: a message that is sent is removed, and so is its registration.
    const ONLINE: [Self; 10] = [
        Self::LoggedIn,
        Self::Stored,
        Self::Registering,
        Self::Registered,
        Self::Kept,
        Self::PageRegistered,
        Self::Requested,
        Self::Requested,
        Self::Finished,
        Self::Finished,
    ];

    /// The console line that tells it, but for the message at its end.
    pub fn line(self) -> Option<&'static str> {
        match self {
            Self::LoggedIn => Some("logged-in"),
            Self::Stored => Some("stored"),
            Self::Registering => Some("registering"),
            Self::Registered => Some("registered"),
            Self::Kept => Some("kept"),
            Self::PageRegistered => Some("page-registered"),
            Self::Requested | Self::Finished => None,
        }
    }
}

impl fmt::Display for CutPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::LoggedIn => "logged in",
            Self::Stored => "message stored",
            Self::Registering => "register() called",
            Self::Registered => "register() resolved",
            Self::Kept => "localStorage set",
            Self::PageRegistered => "second register() resolved",
            Self::Requested => "server got the request",
            Self::Finished => "event ended",
        })
    }
}

/// The network while messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// There is one.
    Online,
    /// It is cut.
    Offline,
}

/// Where the profile is found after the cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where it was.
    Same,
    /// Elsewhere: a profile may be moved.
    Other,
}

/// The profile that a round begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// An empty one: its files and folders are new as well.
    Fresh,
    /// The one that the round before has left.
    Continued,
}

/// One round.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The profile.
    pub beginning: Beginning,
    /// Of a fresh disk.
    pub journal: Journal,
    /// The network.
    pub network: Network,
    /// How many messages are sent, unless the cut comes first.
    pub messages: usize,
    /// The cut comes after this ...
    pub cut: CutPoint,
    /// ... of this message, counted from 0 ...
    pub of_message: usize,
    /// ... and after this time.
    pub delay: Duration,
    /// Where it goes on.
    pub place: Place,
}

impl Plan {
    /// The plan of a round.
    pub fn of_round(seed: u64, round: u32) -> Self {
        // Each round has lots of its own, so that one can be looked up without those before it.
        let mut lots = Rng::with_seed(seed ^ (u64::from(round) << 32));
        let network = *pick(&mut lots, &[Network::Online, Network::Offline]);
        let cuts = match network {
            Network::Online => &CutPoint::ONLINE[..],
            Network::Offline => &CutPoint::OFFLINE[..],
        };
        let messages = lots.usize(1..=MOST_MESSAGES);
        Self {
            beginning: *pick(&mut lots, &[Beginning::Fresh, Beginning::Continued]),
            journal: *pick(&mut lots, &[Journal::Ordered, Journal::Writeback]),
            network,
            messages,
            cut: *pick(&mut lots, cuts),
            of_message: lots.usize(0..messages),
            delay: Duration::from_micros(lots.u64(0..=MOST_DELAY_MICROSECONDS)),
            place: match lots.usize(0..4) {
                0 => Place::Other,
                _ => Place::Same,
            },
        }
    }
}

fn pick<'a, T>(lots: &mut Rng, of: &'a [T]) -> &'a T {
    &of[lots.usize(0..of.len())]
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let network = match self.network {
            Network::Online => "online",
            Network::Offline => "offline",
        };
        let profile = match (self.beginning, self.place) {
            (Beginning::Fresh, Place::Same) => "fresh profile",
            (Beginning::Fresh, Place::Other) => "fresh profile, moved",
            (Beginning::Continued, Place::Same) => "used profile",
            (Beginning::Continued, Place::Other) => "used profile, moved",
        };
        let delay = self.delay.as_secs_f64() * 1_000.0;
        let cut = self.cut.to_string();
        write!(f, "{network}, {profile}, cut {delay:.1} ms after {cut:?}")?;
        match self.cut {
            CutPoint::LoggedIn => Ok(()),
            _ => write!(f, ", message {} of {}", self.of_message + 1, self.messages),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides() {
        let plans = |seed| (0..50).map(move |round| Plan::of_round(seed, round).to_string());
        assert!(plans(7).eq(plans(7)));
        assert!(!plans(7).eq(plans(8)));
    }
}
