//! How a card looks: a small page that the engine draws, without scripts. Where a tap belongs, its fixed measures say.

use std::fmt::Write as _;

use servo::notifications::WebNotification;
use url::Url;
use winit::dpi::PhysicalSize;

use crate::browser::surface::CardPlace;

/// Measures in CSS pixels.
const WIDTH: u32 = 380;
const HEIGHT: u32 = 96;
const ACTIONS_HEIGHT: u32 = 44;
const CLOSE_SIZE: u32 = 44;
/// To the window's edges.
const MARGIN: u32 = 16;

/// What a person has tapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tap {
    /// The notification.
    Body,
    /// The button of an action.
    Action(usize),
    /// The cross.
    Close,
}

/// The measures of a card.
pub struct CardLayout {
    place: CardPlace,
    scale: f32,
    actions: Vec<String>,
}

impl CardLayout {
    /// At the upper right of a window of so many device pixels; as wide as the window, if that is narrow.
    pub fn new(notification: &WebNotification, window: (u32, u32), scale: f32) -> Self {
        let actions: Vec<String> = notification
            .content
            .actions
            .iter()
            .map(|action| action.name.clone())
            .collect();
        let device = |css: u32| (css as f32 * scale).round() as u32;
        let height = HEIGHT
            + if actions.is_empty() {
                0
            } else {
                ACTIONS_HEIGHT
            };
        let margin = device(MARGIN);
        let width = device(WIDTH)
            .min(window.0.saturating_sub(2 * margin))
            .max(1);
        Self {
            place: CardPlace {
                x: window.0.saturating_sub(width + margin),
                y: margin,
                width,
                height: device(height).min(window.1).max(1),
            },
            scale,
            actions,
        }
    }

    /// Where it is.
    pub fn place(&self) -> CardPlace {
        self.place
    }

    /// How large it is.
    pub fn size(&self) -> PhysicalSize<u32> {
        PhysicalSize::new(self.place.width, self.place.height)
    }

    /// The name of an action.
    pub fn action(&self, index: usize) -> Option<&str> {
        self.actions.get(index).map(String::as_str)
    }

    /// What is at a point of the window, in device pixels. `None` beside the card.
    pub fn hit(&self, x: f32, y: f32) -> Option<Tap> {
        let (x, y) = (x - self.place.x as f32, y - self.place.y as f32);
        let (width, height) = (self.place.width as f32, self.place.height as f32);
        if x < 0.0 || y < 0.0 || x >= width || y >= height {
            return None;
        }
        let css = |length: u32| length as f32 * self.scale;
        if y >= css(HEIGHT) {
            let index = (x / width * self.actions.len() as f32) as usize;
            return Some(Tap::Action(index));
        }
        if x >= width - css(CLOSE_SIZE) && y < css(CLOSE_SIZE) {
            return Some(Tap::Close);
        }
        Some(Tap::Body)
    }

    /// The card as a page. All texts are the web's: nothing in them is markup.
    pub fn page(&self, notification: &WebNotification) -> Url {
        let content = &notification.content;
        let mut html = String::from(STYLE);
        let _ = write!(html, "<main lang=\"{}\">", escape(&content.language));
        let icon = content.icon_url.as_ref().or(content.image_url.as_ref());
        if let Some(icon) = icon {
            let _ = write!(html, "<img src=\"{}\">", escape(icon.as_str()));
        }
        let _ = write!(
            html,
            "<div><b dir=auto>{}</b><p dir=auto>{}</p><small>{}</small></div><i>\u{d7}</i></main>",
            escape(&content.title),
            escape(&content.body),
            escape(&notification.origin),
        );
        if !content.actions.is_empty() {
            html.push_str("<nav>");
            for action in &content.actions {
                let _ = write!(html, "<span dir=auto>{}</span>", escape(&action.title));
            }
            html.push_str("</nav>");
        }
        let mut text = String::from("data:text/html;charset=utf-8,");
        for byte in html.bytes() {
            let _ = write!(text, "%{byte:02X}");
        }
        Url::parse(&text).expect("a data URL of escaped bytes")
    }
}

const STYLE: &str = include_str!("../../../resources/card.html");

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
pub(super) mod tests {
    use servo::notifications::NotificationId;
    use servo::{Notification, NotificationAction};

    use super::*;

    pub(in crate::browser::notifications) fn notification(
        id: u64,
        require_interaction: bool,
    ) -> WebNotification {
        let action = |name: &str| NotificationAction {
            name: name.to_owned(),
            title: name.to_owned(),
            icon_url: None,
            icon_resource: None,
        };
        WebNotification {
            id: NotificationId(id),
            origin: "https://a.example".to_owned(),
            scope: None,
            replaces: None,
            renotify: false,
            content: Notification {
                title: "<b>title</b>".to_owned(),
                body: String::new(),
                tag: String::new(),
                language: String::new(),
                require_interaction,
                silent: None,
                icon_url: None,
                icon_resource: None,
                badge_url: None,
                badge_resource: None,
                image_url: None,
                image_resource: None,
                actions: vec![action("yes"), action("no")],
            },
        }
    }

    #[test]
    fn taps_belong_to_what_is_seen() {
        let layout = CardLayout::new(&notification(1, false), (1280, 800), 2.0);
        assert_eq!(
            layout.place(),
            CardPlace {
                x: 1280 - 760 - 32,
                y: 32,
                width: 760,
                height: 280
            }
        );
        assert_eq!(layout.hit(487.0, 100.0), None);
        assert_eq!(layout.hit(500.0, 31.0), None);
        assert_eq!(layout.hit(500.0, 40.0), Some(Tap::Body));
        assert_eq!(layout.hit(1240.0, 40.0), Some(Tap::Close));
        assert_eq!(layout.hit(500.0, 230.0), Some(Tap::Action(0)));
        assert_eq!(layout.hit(1240.0, 230.0), Some(Tap::Action(1)));
        assert_eq!(layout.hit(1240.0, 312.0), None);
        assert_eq!(layout.action(1), Some("no"));
    }

    #[test]
    fn a_card_fits_into_a_small_window() {
        let layout = CardLayout::new(&notification(1, false), (200, 60), 1.0);
        assert_eq!((layout.place().width, layout.place().height), (168, 60));
    }

    #[test]
    fn texts_are_no_markup() {
        let notification = notification(1, false);
        let layout = CardLayout::new(&notification, (1280, 800), 1.0);
        let url = layout.page(&notification);
        let coded: String = "&lt;b&gt;title"
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect();
        assert!(url.as_str().contains(&coded));
    }
}
