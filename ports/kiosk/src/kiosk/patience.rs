//! How long the server of a page may take to answer: a kiosk that waits for one for ever shows nothing.

use std::time::{Duration, Instant};

use url::Url;

/// If nothing else is configured.
const DEFAULT_LIMIT: Duration = Duration::from_secs(60);

/// What was asked for and has not come.
#[derive(Debug)]
pub struct Patience {
    limit: Duration,
    /// Until when it is waited for.
    asked: Option<(Url, Instant)>,
}

impl Patience {
    /// With this limit, or the usual one.
    pub fn new(limit: Option<Duration>) -> Self {
        Self {
            limit: limit.unwrap_or(DEFAULT_LIMIT),
            asked: None,
        }
    }

    /// The limit.
    pub fn limit(&self) -> Duration {
        self.limit
    }

    /// A page was asked for.
    pub fn begin(&mut self, url: Url, now: Instant) {
        self.asked = now.checked_add(self.limit).map(|end| (url, end));
    }

    /// Something has come, or nothing is waited for any more.
    pub fn end(&mut self) {
        self.asked = None;
    }

    /// When [`Self::take_missed`] has something.
    pub fn deadline(&self) -> Option<Instant> {
        self.asked.as_ref().map(|(_, end)| *end)
    }

    /// What has not come in time. Asked once.
    pub fn take_missed(&mut self, now: Instant) -> Option<Url> {
        let missed = self.asked.take_if(|(_, end)| *end <= now);
        missed.map(|(url, _)| url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_come_is_not_missed() {
        let url: Url = "http://app.example/".parse().expect("a URL");
        let (now, limit) = (Instant::now(), Duration::from_secs(5));
        let mut patience = Patience::new(Some(limit));
        assert_eq!(patience.take_missed(now), None);
        patience.begin(url.clone(), now);
        assert_eq!(patience.take_missed(now), None);
        assert_eq!(patience.deadline(), Some(now + limit));
        assert_eq!(patience.take_missed(now + limit), Some(url.clone()));
        assert_eq!(patience.take_missed(now + limit), None, "once");
        patience.begin(url, now);
        patience.end();
        assert_eq!(patience.take_missed(now + limit), None);
    }
}
