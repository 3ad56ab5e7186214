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

/// What a person calls that which waits: at the start of a sentence, and inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noun {
    /// `The message`.
    pub at_start: &'static str,
    /// `the message`.
    pub inside: &'static str,
    /// `messages`.
    pub many: &'static str,
}

/// What a person calls what this API has registered.
pub fn noun(api: SyncApi) -> Noun {
    match api {
        SyncApi::OneShot | SyncApi::Explainer => Noun {
            at_start: "The message",
            inside: "the message",
            many: "messages",
        },
        SyncApi::Periodic => Noun {
            at_start: "The update",
            inside: "the update",
            many: "updates",
        },
    }
}
