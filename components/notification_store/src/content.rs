//! What a notification says, and how long it may be.

use serde::{Deserialize, Serialize};

/// So many [actions](https://notifications.spec.whatwg.org/#maximum-number-of-actions) of a notification are shown.
pub const MAX_ACTIONS: usize = 2;

/// Title, body, tag, language and the texts of the actions have so many bytes of UTF-8 together at most.
pub const MAX_TEXT_BYTES: usize = 16 * 1024;

/// The `data` of a notification has so many bytes at most, serialized.
pub const MAX_DATA_BYTES: usize = 64 * 1024;

/// The URLs of the pictures of a notification have so many bytes together at most, and the scope of its registration as many.
pub const MAX_URL_BYTES: usize = 64 * 1024;

/// <https://notifications.spec.whatwg.org/#concept-direction>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// As the text says it.
    #[default]
    Auto,
    /// Left to right.
    Ltr,
    /// Right to left.
    Rtl,
}

/// <https://notifications.spec.whatwg.org/#actions>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Tells actions of a notification apart; the worker gets it with a click.
    pub name: String,
    /// What a person sees.
    pub title: String,
    /// URL of a picture.
    pub icon: Option<String>,
}

/// <https://notifications.spec.whatwg.org/#notifications>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Its title.
    pub title: String,
    /// Of title and body.
    pub direction: Direction,
    /// A BCP 47 tag, or empty.
    pub language: String,
    /// Its text.
    pub body: String,
    /// Another notification of the origin with the same tag is replaced, unless it is empty.
    pub tag: String,
    /// URL of a picture that belongs to the text.
    pub image: Option<String>,
    /// URL of a picture beside the text.
    pub icon: Option<String>,
    /// URL of a picture for where there is no room for the notification.
    pub badge: Option<String>,
    /// How long to vibrate and to pause in turn, in milliseconds.
    pub vibration_ms: Vec<u32>,
    /// What time it is about, in milliseconds since 1970.
    pub timestamp_ms: u64,
    /// Whether a person is alerted again when it replaces another one.
    pub renotify: bool,
    /// Whether there are no sounds and vibrations. `None`: as the device is set.
    pub silent: Option<bool>,
    /// Whether it is shown until a person reacts.
    pub require_interaction: bool,
    /// Buttons, [`MAX_ACTIONS`] at most.
    pub actions: Vec<Action>,
    /// `data`, serialized by the engine.
    pub data: Vec<u8>,
}

/// Which part of a notification is longer than is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum TooLong {
    /// Of more than [`MAX_TEXT_BYTES`].
    #[error("its texts have more than {MAX_TEXT_BYTES} bytes")]
    Texts,
    /// Of more than [`MAX_DATA_BYTES`].
    #[error("its data have more than {MAX_DATA_BYTES} bytes")]
    Data,
    /// Of more than [`MAX_URL_BYTES`].
    #[error(
        "the URLs of its pictures, or its registration's scope, have more than {MAX_URL_BYTES} bytes"
    )]
    Urls,
    /// More actions than [`MAX_ACTIONS`].
    #[error("it has more than {MAX_ACTIONS} actions")]
    Actions,
}

impl Content {
    /// How much of a limit it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.text_bytes() + self.url_bytes() + self.data.len()
    }

    /// Refuses what is longer than is kept.
    pub(crate) fn check(&self) -> Result<(), TooLong> {
        if self.actions.len() > MAX_ACTIONS {
            return Err(TooLong::Actions);
        }
        if self.text_bytes() > MAX_TEXT_BYTES {
            return Err(TooLong::Texts);
        }
        if self.data.len() > MAX_DATA_BYTES {
            return Err(TooLong::Data);
        }
        if self.url_bytes() > MAX_URL_BYTES {
            return Err(TooLong::Urls);
        }
        Ok(())
    }

    fn text_bytes(&self) -> usize {
        let of_actions = self.actions.iter().map(|it| it.name.len() + it.title.len());
        self.title.len()
            + self.body.len()
            + self.tag.len()
            + self.language.len()
            + size_of_val(self.vibration_ms.as_slice())
            + of_actions.sum::<usize>()
    }

    fn url_bytes(&self) -> usize {
        let of_actions = self.actions.iter().map(|action| &action.icon);
        [&self.image, &self.icon, &self.badge]
            .into_iter()
            .chain(of_actions)
            .flatten()
            .map(String::len)
            .sum()
    }
}
