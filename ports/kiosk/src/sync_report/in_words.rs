//! Times as people say them.

const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// A length of time, roughly: `4 min`.
pub fn roughly(ms: u64) -> String {
    // From the first on whose unit leaves at least two of it, or nearly so: `90 s`, not `2 min`.
    let in_units = |unit_ms: u64| ms.saturating_add(unit_ms / 2) / unit_ms;
    match ms {
        0..SECOND_MS => "less than a second".to_owned(),
        ..=99_499 => format!("{} s", in_units(SECOND_MS)),
        _ if ms < 100 * MINUTE_MS => format!("{} min", in_units(MINUTE_MS)),
        _ if ms < 48 * HOUR_MS => format!("{} h", in_units(HOUR_MS)),
        _ => format!("{} days", in_units(DAY_MS)),
    }
}

/// How far away a moment to come is: `in 4 min`.
pub fn ahead(ms: u64) -> String {
    match ms {
        0..SECOND_MS => "now".to_owned(),
        _ => format!("in {}", roughly(ms)),
    }
}

/// How long ago a moment was, by the wall clock: `12 s ago`. A clock that was set back makes it just now.
pub fn ago(at_ms: u64, now_ms: u64) -> String {
    match now_ms.saturating_sub(at_ms) {
        0..SECOND_MS => "just now".to_owned(),
        past_ms => format!("{} ago", roughly(past_ms)),
    }
}

/// How often: `1 try`, `2 tries`.
pub fn tries(count: u32) -> String {
    match count {
        1 => "1 try".to_owned(),
        _ => format!("{count} tries"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        for (ms, words) in [
            (0, "less than a second"),
            (999, "less than a second"),
            (1_000, "1 s"),
            (4_400, "4 s"),
            (90_000, "90 s"),
            (120_000, "2 min"),
            (99 * MINUTE_MS, "99 min"),
            (100 * MINUTE_MS, "2 h"),
            (47 * HOUR_MS, "47 h"),
            (3 * DAY_MS, "3 days"),
            (u64::MAX, "213503982334 days"),
        ] {
            assert_eq!(roughly(ms), words, "{ms}");
        }
        assert_eq!(ahead(400), "now");
        assert_eq!(ahead(240_000), "in 4 min");
        assert_eq!(ago(10_000, 22_000), "12 s ago");
        assert_eq!(ago(22_000, 10_000), "just now");
    }
}
