//! The control socket: how an operator's commands (`kiosk syncs list`, say) reach a running kiosk.
//!
//! It is a Unix domain socket in the profile's folder, for the user of the kiosk alone. A request is a line of JSON, and so
//! is each part of its answer.

pub mod answer;
pub mod connection;
pub mod protocol;
pub mod request;
pub mod server;
pub mod socket;
