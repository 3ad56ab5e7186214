//! Keys and clicks as a person makes them.

use std::collections::HashSet;

use euclid::Point2D;
use servo::{
    CSSPixel, Code, InputEvent, InputEventId, Key, KeyState, KeyboardEvent, Location, Modifiers,
    MouseButton, MouseButtonAction, MouseButtonEvent, MouseMoveEvent, NamedKey, WebView,
};

use super::{Browser, script};
use crate::event::{Event, Requester};

impl Browser {
    /// Types a text into the focused element of the page.
    pub fn type_text(&mut self, text: &str, requester: Requester) {
        self.note_input();
        if self.page.is_none() {
            return self.refuse(requester);
        }
        let mut ids = HashSet::new();
        for key in keys(text) {
            if !self.takes_key(&key)
                && let Some(front) = self.front()
            {
                ids.insert(front.notify_input_event(key));
            }
        }
        self.state
            .expect_input(ids, Event::Typed(requester, Ok(())));
    }

    /// Clicks at the middle of the first element that matches a selector.
    pub fn click(&self, selector: &str, requester: Requester) {
        self.note_input();
        let Some(page) = self.front() else {
            return self.refuse(requester);
        };
        let (state, clicked) = (self.state.clone(), page.clone());
        script::locate(page, selector, move |position| match position {
            Ok((x, y)) => {
                let ids = click(&clicked, x, y);
                state.expect_input(ids, Event::Clicked(requester, Ok(())));
            }
            Err(reason) => state.push(Event::Clicked(requester, Err(reason))),
        });
    }
}

/// Presses and releases the keys for a text, one after the other.
fn keys(text: &str) -> impl Iterator<Item = InputEvent> {
    text.chars().flat_map(|character| {
        let key = match character {
            '\n' => Key::Named(NamedKey::Enter),
            '\t' => Key::Named(NamedKey::Tab),
            '\u{1b}' => Key::Named(NamedKey::Escape),
            other => Key::Character(other.to_string()),
        };
        [KeyState::Down, KeyState::Up].map(|state| {
            let event = KeyboardEvent::new_without_event(
                state,
                key.clone(),
                Code::Unidentified,
                Location::Standard,
                Modifiers::empty(),
                false,
                false,
            );
            InputEvent::Keyboard(event)
        })
    })
}

/// Moves the mouse there, presses the primary button and releases it. Returns what is to be handled: the move need not be, and
/// is not if the pointer was over a page that goes.
fn click(webview: &WebView, x: f32, y: f32) -> HashSet<InputEventId> {
    let point = Point2D::<f32, CSSPixel>::new(x, y).into();
    let button = |action| {
        InputEvent::MouseButton(MouseButtonEvent::new(action, MouseButton::Primary, point))
    };
    webview.notify_input_event(InputEvent::MouseMove(MouseMoveEvent::new(point)));
    [
        button(MouseButtonAction::Down),
        button(MouseButtonAction::Up),
    ]
    .map(|event| webview.notify_input_event(event))
    .into()
}
