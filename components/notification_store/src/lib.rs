//! The notifications that outlive their page: of a service worker registration, kept until somebody closes them, also over
//! a restart of the browser. It knows no engine, no embedder and no thread.
//!
//! [`NotificationList`] is the [list of notifications](https://notifications.spec.whatwg.org/#list-of-notifications) with
//! its limits; [`NotificationFile`] keeps it in one file, which is replaced as a whole.

#![deny(missing_docs)]
#![forbid(unsafe_code)]

mod content;
mod file;
mod list;

pub use content::{
    Action, Content, Direction, MAX_ACTIONS, MAX_DATA_BYTES, MAX_TEXT_BYTES, MAX_URL_BYTES, TooLong,
};
pub use file::{FileError, NotificationFile, Unreadable, decode_list, encode_list};
pub use list::{
    MAX_BYTES_IN_ALL, MAX_NOTIFICATIONS_IN_ALL, MAX_NOTIFICATIONS_OF_ORIGIN, Notification,
    NotificationId, NotificationList, Shown,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
