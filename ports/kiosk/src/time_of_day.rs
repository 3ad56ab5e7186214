//! A local time of day, at which something is to happen.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Days, NaiveTime, TimeDelta, TimeZone};
use serde::Deserialize;

/// A local time of day, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct TimeOfDay(NaiveTime);

impl TimeOfDay {
    /// When it is that time next, after `now`. A time that the change to summer time leaves out comes an hour later; one that
    /// comes twice counts the first time.
    pub fn next_after<Z: TimeZone>(self, now: &DateTime<Z>) -> Option<DateTime<Z>> {
        let (zone, today) = (now.timezone(), now.date_naive());
        let days = (0..=2).filter_map(|days| {
            let local = today.checked_add_days(Days::new(days))?.and_time(self.0);
            let an_hour_later = local.checked_add_signed(TimeDelta::hours(1))?;
            zone.from_local_datetime(&local)
                .earliest()
                .or_else(|| zone.from_local_datetime(&an_hour_later).earliest())
        });
        days.into_iter().find(|time| time > now)
    }
}

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = if text.len() == "03:30".len() {
            ":00"
        } else {
            ""
        };
        let full = format!("{text}{seconds}");
        // Chrono takes `3:30` as well, and seconds that are leap seconds.
        let is_plain = full.len() == "03:30:00".len()
            && full.bytes().enumerate().all(|(index, byte)| match index {
                2 | 5 => byte == b':',
                _ => byte.is_ascii_digit(),
            })
            && !full.ends_with("60");
        is_plain
            .then(|| NaiveTime::parse_from_str(&full, "%H:%M:%S").ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| format!("`{text}` is no time of day"))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%H:%M:%S"))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{FixedOffset, Utc};

    use super::*;

    fn at(text: &str) -> TimeOfDay {
        text.parse().expect("a time of day")
    }

    #[test]
    fn texts() {
        assert_eq!(at("03:30").to_string(), "03:30:00");
        assert_eq!(at("23:59:59").to_string(), "23:59:59");
        for text in [
            "25:00",
            "3:30",
            "24:00",
            "03:60",
            "03:30:60",
            "0330",
            "03:30:0",
            "",
            "soon",
            "ää:ää",
            "03.30",
        ] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_next_time_is_today_or_tomorrow() {
        let zone = FixedOffset::east_opt(2 * 60 * 60).expect("an offset");
        for (time, now, next) in [
            (
                "03:30",
                "2026-11-29T03:29:59+02:00",
                "2026-11-29T03:30:00+02:00",
            ),
            (
                "03:30",
                "2026-11-29T03:30:00+02:00",
                "2026-11-30T03:30:00+02:00",
            ),
            (
                "00:00",
                "2026-12-31T12:00:00+02:00",
                "2027-01-01T00:00:00+02:00",
            ),
            (
                "23:00:05",
                "2026-11-29T21:00:04+00:00",
                "2026-11-29T23:00:05+02:00",
            ),
        ] {
            let now = DateTime::parse_from_rfc3339(now).expect("a time");
            let next = DateTime::parse_from_rfc3339(next).expect("a time");
            assert_eq!(
                at(time).next_after(&now.with_timezone(&zone)),
                Some(next.with_timezone(&zone))
            );
        }
    }

    #[test]
    fn a_clock_at_the_end_of_time_has_no_next_time() {
        assert_eq!(at("03:30").next_after(&DateTime::<Utc>::MAX_UTC), None);
    }
}
