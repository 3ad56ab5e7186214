//! Keys of a window, in the engine's terms. Both name keys as the UI Events specification does.

use servo::{Code, InputEvent, Key, KeyState, KeyboardEvent, Location, Modifiers, NamedKey};
use winit::event::{ElementState, KeyEvent};
use winit::keyboard::{KeyCode, KeyLocation, ModifiersState, PhysicalKey};

/// Whether this is Ctrl+Shift+O, which cuts and restores the network.
pub fn toggles_network(event: &KeyEvent, modifiers: ModifiersState) -> bool {
    is_pressed(event, KeyCode::KeyO, modifiers)
}

/// Whether this is Ctrl+Shift+S, which shows `kiosk:syncs` and closes it.
pub fn toggles_syncs(event: &KeyEvent, modifiers: ModifiersState) -> bool {
    is_pressed(event, KeyCode::KeyS, modifiers)
}

fn is_pressed(event: &KeyEvent, code: KeyCode, modifiers: ModifiersState) -> bool {
    event.state == ElementState::Pressed
        && !event.repeat
        && event.physical_key == PhysicalKey::Code(code)
        && modifiers == ModifiersState::CONTROL | ModifiersState::SHIFT
}

/// The key as the engine takes it.
pub fn to_servo(event: &KeyEvent, modifiers: ModifiersState) -> InputEvent {
    let state = match event.state {
        ElementState::Pressed => KeyState::Down,
        ElementState::Released => KeyState::Up,
    };
    let location = match event.location {
        KeyLocation::Standard => Location::Standard,
        KeyLocation::Left => Location::Left,
        KeyLocation::Right => Location::Right,
        KeyLocation::Numpad => Location::Numpad,
    };
    InputEvent::Keyboard(KeyboardEvent::new_without_event(
        state,
        to_servo_key(&event.logical_key),
        to_servo_code(event.physical_key),
        location,
        to_servo_modifiers(modifiers),
        event.repeat,
        false,
    ))
}

fn to_servo_key(key: &winit::keyboard::Key) -> Key {
    match key {
        winit::keyboard::Key::Character(text) => Key::Character(text.to_string()),
        winit::keyboard::Key::Named(winit::keyboard::NamedKey::Space) => {
            Key::Character(" ".to_owned())
        }
        winit::keyboard::Key::Named(named) => Key::Named(
            format!("{named:?}")
                .parse()
                .unwrap_or(NamedKey::Unidentified),
        ),
        winit::keyboard::Key::Dead(_) => Key::Named(NamedKey::Dead),
        winit::keyboard::Key::Unidentified(_) => Key::Named(NamedKey::Unidentified),
    }
}

fn to_servo_code(key: PhysicalKey) -> Code {
    match key {
        PhysicalKey::Code(KeyCode::SuperLeft) => Code::MetaLeft,
        PhysicalKey::Code(KeyCode::SuperRight) => Code::MetaRight,
        PhysicalKey::Code(code) => format!("{code:?}").parse().unwrap_or(Code::Unidentified),
        PhysicalKey::Unidentified(_) => Code::Unidentified,
    }
}

fn to_servo_modifiers(modifiers: ModifiersState) -> Modifiers {
    let mut servo_modifiers = Modifiers::empty();
    servo_modifiers.set(Modifiers::SHIFT, modifiers.shift_key());
    servo_modifiers.set(Modifiers::CONTROL, modifiers.control_key());
    servo_modifiers.set(Modifiers::ALT, modifiers.alt_key());
    servo_modifiers.set(Modifiers::META, modifiers.super_key());
    servo_modifiers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree() {
        use winit::keyboard::{Key as WindowKey, NamedKey as WindowName};
        for (window, servo) in [
            (WindowName::Enter, NamedKey::Enter),
            (WindowName::Backspace, NamedKey::Backspace),
            (WindowName::ArrowLeft, NamedKey::ArrowLeft),
            (WindowName::F5, NamedKey::F5),
        ] {
            assert_eq!(to_servo_key(&WindowKey::Named(window)), Key::Named(servo));
        }
        assert_eq!(to_servo_code(PhysicalKey::Code(KeyCode::KeyA)), Code::KeyA);
        assert_eq!(
            to_servo_code(PhysicalKey::Code(KeyCode::Numpad0)),
            Code::Numpad0
        );
    }
}
