use background_sync_core::MonoTime;

/// At most one line of log per this time, in milliseconds.
const LOG_INTERVAL_MS: u64 = 10_000;

/// Logs misbehaviour without letting it fill the log.
#[derive(Debug, Default)]
pub(crate) struct MisbehaviourLog {
    last: Option<MonoTime>,
    unsaid: u64,
}

impl MisbehaviourLog {
    pub fn warn(&mut self, now: MonoTime, what: &str) {
        if self
            .last
            .is_some_and(|last| now.ms_since(last) < LOG_INTERVAL_MS)
        {
            self.unsaid += 1;
            return;
        }
        match std::mem::take(&mut self.unsaid) {
            0 => log::warn!("ignored: {what}"),
            unsaid => log::warn!("ignored: {what} ({unsaid} more like this before)"),
        }
        self.last = Some(now);
    }
}
