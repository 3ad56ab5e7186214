use servo::WebView;
use servo::notifications::NotificationId;

use super::card::CardLayout;

/// A card as the engine draws it.
pub struct CardView {
    pub(super) id: NotificationId,
    pub(super) layout: CardLayout,
    pub(super) webview: WebView,
}
