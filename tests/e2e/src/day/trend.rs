//! Whether readings rise.

/// The line through readings that are equally far apart, by the estimator of Theil and Sen: garbage that comes and goes, and
/// single readings that are far off, hardly move it. <https://doi.org/10.1080/01621459.1968.10480934>
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trend {
    /// Where the line is at the first reading.
    pub first: f64,
    /// Where it is at the last.
    pub last: f64,
}

impl Trend {
    /// Of at least two readings; all zero for fewer.
    pub fn of(readings: &[u64]) -> Self {
        let mut slopes = Vec::new();
        for (start, early) in readings.iter().enumerate() {
            for (distance, late) in readings[start..].iter().enumerate().skip(1) {
                slopes.push((*late as f64 - *early as f64) / distance as f64);
            }
        }
        if slopes.is_empty() {
            return Self::default();
        }
        let slope = median(&mut slopes);
        let places = readings.iter().enumerate();
        let mut beginnings: Vec<f64> = places
            .map(|(place, reading)| *reading as f64 - slope * place as f64)
            .collect();
        let first = median(&mut beginnings);
        Self {
            first,
            last: first + slope * (readings.len() - 1) as f64,
        }
    }

    /// From the first to the last.
    pub fn growth_percent(&self) -> f64 {
        (self.last / self.first - 1.0) * 100.0
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_shows_through_garbage_that_comes_and_goes() {
        let garbage = |place: u64| {
            if place / 20 % 3 == 1 {
                15_000
            } else {
                place * 7 % 5
            }
        };
        let flat: Vec<u64> = (0..460).map(|place| 120_000 + garbage(place)).collect();
        assert!(
            Trend::of(&flat).growth_percent().abs() < 2.0,
            "{:?}",
            Trend::of(&flat)
        );
        // 40 a visit, 18,400 in all.
        let leaky: Vec<u64> = (0..460)
            .map(|place| 120_000 + 40 * place + garbage(place))
            .collect();
        let growth = Trend::of(&leaky).growth_percent();
        assert!((12.0..18.0).contains(&growth), "{growth}");
        assert_eq!(Trend::of(&[]), Trend::default());
    }

    #[test]
    fn a_line_is_what_it_is() {
        let trend = Trend::of(&[100, 102, 104, 1_000, 108, 110]);
        assert_eq!((trend.first, trend.last), (100.0, 110.0));
        assert!((trend.growth_percent() - 10.0).abs() < 1e-9);
    }
}
