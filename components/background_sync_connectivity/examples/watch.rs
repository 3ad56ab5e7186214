//! Says when the network comes and goes: `cargo run -p background_sync_connectivity --example watch -- [SECONDS] [URL]`.
//! Without SECONDS it goes on until it is ended. With a URL, there is a network only once this URL answers with status
//! 204, which a captive portal does not do.

use std::env;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use background_sync_connectivity::{Options, Probe, Watcher};

const NO_END: Duration = Duration::from_secs(100 * 365 * 24 * 3_600);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let limit = match arguments.next() {
        Some(seconds) => Duration::from_secs(seconds.parse()?),
        None => NO_END,
    };
    let options = match arguments.next() {
        Some(url) => Options::new().probe(Probe::new(url.parse()?)),
        None => Options::new(),
    };

    let begin = Instant::now();
    let (changes, changed) = channel();
    let watcher = Watcher::start(options, move |connectivity| {
        // An error means that nobody is interested any more.
        let _ = changes.send(connectivity);
    })?;
    println!("at the start: {:?}", watcher.connectivity_at_start());
    loop {
        let left = limit.saturating_sub(begin.elapsed());
        match changed.recv_timeout(left) {
            Ok(connectivity) => println!("{:7.2?}: {connectivity:?}", begin.elapsed()),
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => return Err("the watcher has ended".into()),
        }
    }
}
