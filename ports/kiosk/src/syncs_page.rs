//! `kiosk:syncs`: what waits to be sent, and what has happened, as a page for whoever looks after the device. It is markup made
//! from what the engine tells, without a script. Nothing here knows a window: `browser/syncs_view.rs` shows it.

pub mod actions;
mod cards;
mod chart;
mod document;
mod journal;
mod markup;
pub mod overview;
mod state;

use url::Url;

pub use self::document::{Parts, ask, headers, overview, update_script, whole};

/// The scheme of the kiosk's own pages. No engine knows it: only the kiosk's own view is answered under it.
pub const SCHEME: &str = "kiosk";

/// The page's address.
pub const ADDRESS: &str = "kiosk:syncs";

/// Where the page's link to close it leads.
pub const CLOSING: &str = "kiosk:syncs/close";

/// Whether this is the page's address, as somebody types it.
pub fn is_address(url: &Url) -> bool {
    url.as_str() == ADDRESS
}

/// The page's address.
pub fn address() -> Url {
    Url::parse(ADDRESS).expect("a valid URL")
}
