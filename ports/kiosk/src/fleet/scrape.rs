//! A request for the metrics on its way to the main thread.

use crossbeam_channel::Sender;

/// Where the text of the metrics goes. Whoever asked and does not wait any more has hung up.
#[derive(Debug)]
pub struct Scrape {
    /// Takes one text.
    pub answer: Sender<String>,
}
