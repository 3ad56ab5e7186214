//! What is durable: two files, each with its own thread. One has the registrations and the journal. The other has what it
//! takes to start service workers without their pages.

mod committer;
mod pace;
mod remembered_scopes;
mod reopen;
mod store_thread;
mod workers;
mod writer;

pub use committer::RELAXED_WINDOW_MS;

pub(crate) use committer::{Committer, Due, Others};
pub(crate) use reopen::{Found, Opened};
pub(crate) use workers::{FromWorkers, OpenedWorkers, Workers};
pub(crate) use writer::{Committed, NotStored};
