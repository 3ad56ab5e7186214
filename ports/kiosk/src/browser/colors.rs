//! Tells views which colors they are to have.

use servo::WebView;

use super::Browser;

impl Browser {
    /// A view that is new gets the colors.
    pub(super) fn follow_color_scheme(&self, webview: &WebView) {
        let system = self.surface.as_ref().and_then(|surface| surface.theme());
        webview.notify_theme_change(self.color_scheme.theme(system));
    }

    /// The desktop's colors are others now.
    pub fn follow_desktop_colors(&self) {
        for webview in self.page.iter().chain(self.front()) {
            self.follow_color_scheme(webview);
        }
    }
}
