//! Tells the embedder what happens.

use background_sync_core::SyncNotification;

/// Watches what happens to registrations. Called on the manager's thread: nothing here may block.
pub trait Embedder: Send + 'static {
    /// Something happened.
    fn notify(&self, notification: &SyncNotification) {
        let _ = notification;
    }

    /// All this happened, in this order. For an embedder on another thread, which is to be woken once.
    fn notify_all(&self, notifications: Vec<SyncNotification>) {
        for notification in &notifications {
            self.notify(notification);
        }
    }
}

/// An [`Embedder`] that ignores everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Embedder for Silent {}

/// Tells the embedder what happened, once the answers are on their way: it costs a wake-up of a thread that is in no
/// hurry.
pub(crate) struct Notifier {
    embedder: Box<dyn Embedder>,
    news: Vec<SyncNotification>,
    /// Nothing is told any more: what happens is the end, not the world.
    is_ending: bool,
}

impl Notifier {
    pub fn new(embedder: Box<dyn Embedder>) -> Self {
        Self {
            embedder,
            news: Vec::new(),
            is_ending: false,
        }
    }

    /// Returns whether it will be told.
    pub fn add(&mut self, notification: &SyncNotification) -> bool {
        if !self.is_ending {
            self.news.push(notification.clone());
        }
        !self.is_ending
    }

    pub fn tell(&mut self) {
        if !self.news.is_empty() {
            self.embedder.notify_all(std::mem::take(&mut self.news));
        }
    }

    /// Tells what has happened before the end.
    pub fn end(&mut self) {
        self.tell();
        self.is_ending = true;
    }
}
