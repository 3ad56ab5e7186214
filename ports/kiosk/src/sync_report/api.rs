//! The APIs that make registrations, by their names here.

use background_sync_core::SyncApi;

/// All names.
pub const API_NAMES: [&str; 3] = ["one-shot", "periodic", "explainer"];

/// The name of an API, as the control channel has it, too.
pub fn api_name(api: SyncApi) -> &'static str {
    match api {
        SyncApi::OneShot => "one-shot",
        SyncApi::Periodic => "periodic",
        SyncApi::Explainer => "explainer",
    }
}

/// What a person calls that which waits, and what is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// `The message`.
    pub it: &'static str,
    /// `the message`.
    pub inside: &'static str,
    /// `messages`.
    pub many: &'static str,
    /// `send`.
    pub send: &'static str,
    /// `sent`.
    pub sent: &'static str,
}

/// What a person calls what this API has registered.
pub fn words(api: SyncApi) -> Words {
    match api {
        SyncApi::OneShot | SyncApi::Explainer => Words {
            it: "The message",
            inside: "the message",
            many: "messages",
            send: "send",
            sent: "sent",
        },
        SyncApi::Periodic => Words {
            it: "The update",
            inside: "the update",
            many: "updates",
            send: "fetch",
            sent: "fetched",
        },
    }
}
