//! Offline apps made of libraries as their authors published them, built as their documentation says, and a story that each goes
//! through in the kiosk and, as a control, in Chromium: loaded once, offline from then on, ended and killed, and what was
//! written meanwhile arrives once.

mod app;
mod browser;
mod build;
mod http;
mod in_chromium;
mod in_kiosk;
mod server;
mod story;
mod table;

pub use app::{APPS, App, Delivery};
pub use browser::{Browser, End, Network, Product};
pub use build::{Built, build};
pub use in_chromium::{ChromiumProduct, plug_in};
pub use in_kiosk::KioskProduct;
pub use server::Server;
pub use story::{ACTS, Act, Outcome, World, play};
pub use table::{print, print_head};
