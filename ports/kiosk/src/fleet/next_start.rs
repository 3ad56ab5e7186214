//! When a kiosk that has ended is to be started again, for what waits to be sent.

use std::time::Duration;

use servo::background_sync::RegistrationInfo;

use super::due::{Due, due};

/// A kiosk is not started again sooner than this: whoever has ended it wanted it to end.
const LEAST_DELAY: Duration = Duration::from_secs(60);

/// After this time it is looked whether there is a network, if something waits for one: no timer knows when it comes.
const NETWORK_LOOK: Duration = Duration::from_secs(15 * 60);

/// In what time there is something to do. `None`: nothing that time brings.
pub fn next_start(registrations: &[RegistrationInfo]) -> Option<Duration> {
    earliest(registrations.iter().map(|it| due(&it.why)))
}

fn earliest(dues: impl Iterator<Item = Due>) -> Option<Duration> {
    let times = dues.filter_map(|due| match due {
        Due::Running | Due::Now => Some(LEAST_DELAY),
        Due::In(time) => Some(time),
        Due::WithNetwork => Some(NETWORK_LOOK),
        Due::WithWorker | Due::Never => None,
    });
    times.min().map(|time| time.max(LEAST_DELAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_counts() {
        let hour = Due::In(Duration::from_secs(3600));
        let soon = Due::In(Duration::from_secs(1));
        for (dues, expected) in [
            (vec![], None),
            (vec![Due::Never, Due::WithWorker], None),
            (vec![hour, Due::Never], Some(3600)),
            (vec![hour, Due::WithNetwork], Some(15 * 60)),
            (vec![hour, soon], Some(60)),
            (vec![hour, Due::Running], Some(60)),
        ] {
            let next = earliest(dues.iter().copied());
            assert_eq!(next, expected.map(Duration::from_secs), "{dues:?}");
        }
    }
}
