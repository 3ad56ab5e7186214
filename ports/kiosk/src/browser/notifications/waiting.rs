use std::cell::RefCell;
use std::collections::VecDeque;

use servo::service_worker_windows::WindowRequest;

use super::queue::CardQueue;

/// Notifications and windows whose turn is yet to come.
#[derive(Default)]
pub struct Waiting {
    /// Notifications that have a card, or wait for one.
    pub(super) cards: RefCell<CardQueue>,
    /// What workers want to be opened.
    pub(super) windows: RefCell<VecDeque<WindowRequest>>,
}
