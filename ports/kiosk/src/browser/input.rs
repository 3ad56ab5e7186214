//! Keys and clicks as a person makes them.

use std::collections::HashSet;

use euclid::Point2D;
use servo::{
    CSSPixel, Code, InputEvent, InputEventId, Key, KeyState, KeyboardEvent, Location, Modifiers,
    MouseButton, MouseButtonAction, MouseButtonEvent, MouseMoveEvent, NamedKey, WebView,
};

/// Presses and releases the keys for a text, one after the other.
pub fn type_text(webview: &WebView, text: &str) -> HashSet<InputEventId> {
    text.chars()
        .flat_map(|character| {
            let key = match character {
                '\n' => Key::Named(NamedKey::Enter),
                '\t' => Key::Named(NamedKey::Tab),
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
                webview.notify_input_event(InputEvent::Keyboard(event))
            })
        })
        .collect()
}

/// Moves the mouse there, presses the primary button and releases it.
pub fn click(webview: &WebView, x: f32, y: f32) -> HashSet<InputEventId> {
    let point = Point2D::<f32, CSSPixel>::new(x, y).into();
    let button = |action| {
        InputEvent::MouseButton(MouseButtonEvent::new(action, MouseButton::Primary, point))
    };
    [
        InputEvent::MouseMove(MouseMoveEvent::new(point)),
        button(MouseButtonAction::Down),
        button(MouseButtonAction::Up),
    ]
    .map(|event| webview.notify_input_event(event))
    .into()
}
