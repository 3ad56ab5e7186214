//! What the outbox app's server has to tell.

use serde::{Deserialize, Serialize};

/// A message as the app posts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppMessage {
    /// Made by the page; the same for every attempt to send it.
    pub id: String,
    /// What was typed.
    pub text: String,
}

/// What the server has to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerEvent {
    /// A message was accepted.
    Accepted(AppMessage),
    /// A message was accepted that had been accepted before.
    AcceptedAgain(AppMessage),
    /// A message was refused with 503, as asked for.
    Refused(AppMessage),
    /// A request that the app never makes; the text says what was wrong.
    Malformed(String),
}
