//! A request on its way to the main thread.

use crossbeam_channel::Sender;

use super::answer::Answer;
use super::protocol::Request;

/// A request, and where its answer goes. Whoever asked and does not wait any more has hung up.
#[derive(Debug)]
pub struct RemoteRequest {
    /// What is asked.
    pub request: Request,
    /// Takes one answer.
    pub answer: Sender<Answer>,
}
