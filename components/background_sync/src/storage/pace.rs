//! Whether the medium is fast, by how long commits have taken. Only small ones can show it: thousands of operations take their
//! time on any medium.

use std::time::Duration;

/// A commit is fast if it takes less than this ...
const FAST: Duration = Duration::from_millis(1);
/// ... and the medium if so many in a row were. Then one in as many may be slower, as the one is that empties the log, ...
const FAST_IN_A_ROW: u32 = 16;
/// ... but not as slow as this: whoever waits for such a commit should wait for no other.
const STALL: Duration = Duration::from_millis(10);

#[derive(Default)]
pub(super) struct Pace {
    is_fast: bool,
    fast_in_a_row: u32,
}

impl Pace {
    pub fn is_fast(&self) -> bool {
        self.is_fast
    }

    pub fn handle_small_commit(&mut self, took: Duration) {
        let was_steady = self.fast_in_a_row >= FAST_IN_A_ROW;
        if took < FAST {
            self.fast_in_a_row = self.fast_in_a_row.saturating_add(1);
            self.is_fast |= self.fast_in_a_row >= FAST_IN_A_ROW;
        } else {
            self.fast_in_a_row = 0;
            self.is_fast &= was_steady && took < STALL;
        }
    }

    pub fn handle_large_commit(&mut self, took: Duration) {
        if took >= STALL {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After these commits, each of which takes so many milliseconds.
    fn is_fast(commits: impl IntoIterator<Item = u64>) -> bool {
        let mut pace = Pace::default();
        for ms in commits {
            pace.handle_small_commit(Duration::from_millis(ms));
        }
        pace.is_fast()
    }

    const STEADY: [u64; FAST_IN_A_ROW as usize] = [0; FAST_IN_A_ROW as usize];

    #[test]
    fn a_medium_is_fast_once_all_commits_were_for_a_while() {
        assert!(!is_fast([]));
        assert!(!is_fast(STEADY.into_iter().skip(1)));
        assert!(is_fast(STEADY));
        assert!(!is_fast(STEADY.into_iter().skip(1).chain([1])));
    }

    #[test]
    fn one_slower_commit_among_many_changes_nothing_and_two_do() {
        let one = STEADY.into_iter().chain([9]);
        assert!(is_fast(one.clone()));
        assert!(is_fast(one.clone().chain(STEADY).chain([9])));
        let two = one.chain(STEADY.into_iter().skip(1)).chain([1]);
        assert!(!is_fast(two.clone()));
        assert!(!is_fast(two.clone().chain(STEADY.into_iter().skip(1))));
        assert!(is_fast(two.chain(STEADY)));
    }

    #[test]
    fn a_stall_counts_at_once() {
        assert!(!is_fast(STEADY.into_iter().chain([10])));
    }

    #[test]
    fn a_large_commit_counts_only_if_it_stalls() {
        let mut pace = Pace::default();
        for _ in 0..FAST_IN_A_ROW {
            pace.handle_large_commit(Duration::ZERO);
        }
        assert!(!pace.is_fast());
        for ms in STEADY {
            pace.handle_small_commit(Duration::from_millis(ms));
        }
        for _ in 0..2 {
            pace.handle_large_commit(Duration::from_millis(9));
        }
        assert!(pace.is_fast());
        pace.handle_large_commit(STALL);
        assert!(!pace.is_fast());
    }
}
