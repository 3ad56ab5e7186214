//! What an operator asks of the browser over the control socket.

use image::RgbaImage;
use servo::BackgroundSyncManager;
use url::Url;

use super::Browser;

impl Browser {
    /// The engine's sync registrations; `None`: background sync is off.
    pub fn sync_manager(&self) -> Option<&BackgroundSyncManager> {
        self.servo.background_sync_manager()
    }

    /// The address of the page, if its window is open.
    pub fn address(&self) -> Option<Url> {
        self.page.as_ref()?.url()
    }

    /// Draws the page, and the card over it, once it is stable.
    ///
    /// # Errors
    /// If no window is open. `done` is not called then.
    pub fn draw(
        &self,
        done: impl FnOnce(Result<RgbaImage, String>) + 'static,
    ) -> Result<(), String> {
        let page = self.front().ok_or("no window is open")?;
        self.draw_page(page, done);
        Ok(())
    }
}
