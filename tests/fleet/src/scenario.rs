//! What happens to the fleet.

use std::ops::RangeInclusive;

/// When the devices get their network back, within [`Scenario::RETURN_MS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// In two steps that each take up to half of the time, as a link that comes up and then gets an
    /// address: most devices are back in the middle.
    InTwoSteps,
    /// Evenly. The kindest case for a policy that fires at once.
    Evenly,
}

/// A fleet and its bad hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// How many devices.
    pub devices: u32,
    /// Two runs with one seed are the same.
    pub seed: u64,
    /// When the devices get their network back.
    pub network: Return,
}

impl Scenario {
    /// The network is away for this time, in milliseconds.
    pub const OUTAGE_MS: u64 = 3_600_000;
    /// All devices are back within this time, in milliseconds.
    pub const RETURN_MS: u64 = 10_000;
    /// Tags that a device's app registers during the outage.
    pub const TAGS: RangeInclusive<u32> = 1..=5;
    /// One in so many first requests fails.
    pub const FIRST_REQUESTS_PER_FAILURE: u32 = 3;
    /// How long a request takes, in milliseconds.
    pub const REQUEST_MS: RangeInclusive<u64> = 50..=400;

    /// The choices of one device: the same under each policy.
    pub(crate) fn choices_of(&self, device: u32) -> DeviceChoices {
        let mut rng = fastrand::Rng::with_seed(self.seed ^ (u64::from(device) << 32));
        let half = Self::RETURN_MS / 2;
        let back_after_ms = match self.network {
            Return::InTwoSteps => rng.u64(0..half) + rng.u64(0..half),
            Return::Evenly => rng.u64(0..Self::RETURN_MS),
        };
        let count = rng.u32(Self::TAGS);
        let mut tags: Vec<TagChoices> = (0..count)
            .map(|_| TagChoices {
                registered_at_ms: rng.u64(0..Self::OUTAGE_MS),
                first_request_fails: rng.u32(0..Self::FIRST_REQUESTS_PER_FAILURE) == 0,
            })
            .collect();
        tags.sort_unstable_by_key(|tag| tag.registered_at_ms);
        DeviceChoices {
            back_at_ms: Self::OUTAGE_MS + back_after_ms,
            tags,
            scheduler_seed: rng.u64(..),
            request_seed: rng.u64(..),
        }
    }
}

/// What chance decides for one device.
pub(crate) struct DeviceChoices {
    /// Milliseconds since the network went.
    pub back_at_ms: u64,
    /// By time.
    pub tags: Vec<TagChoices>,
    pub scheduler_seed: u64,
    pub request_seed: u64,
}

pub(crate) struct TagChoices {
    /// Milliseconds since the network went.
    pub registered_at_ms: u64,
    pub first_request_fails: bool,
}
