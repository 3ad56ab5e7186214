//! Fingers on a touch screen, in the engine's terms.

use servo::{
    DevicePoint, InputEvent, TouchEvent, TouchEventType, TouchId, TouchPointerType as PointerType,
};
use winit::event::{Touch, TouchPhase};

/// What a finger does, as the engine takes it. The engine makes clicks and scrolling of it.
pub fn to_servo(touch: &Touch) -> InputEvent {
    let event_type = match touch.phase {
        TouchPhase::Started => TouchEventType::Down,
        TouchPhase::Moved => TouchEventType::Move,
        TouchPhase::Ended => TouchEventType::Up,
        TouchPhase::Cancelled => TouchEventType::Cancel,
    };
    InputEvent::Touch(TouchEvent::new(
        event_type,
        TouchId(finger(touch.id)),
        point(touch).into(),
        PointerType::Touch,
    ))
}

/// Where a finger is.
pub fn point(touch: &Touch) -> DevicePoint {
    DevicePoint::new(touch.location.x as f32, touch.location.y as f32)
}

/// The engine's numbers are smaller. Displays count fingers up from a small one, so that those on the screen at a time have
/// numbers of their own.
fn finger(id: u64) -> i32 {
    i32::try_from(id & 0x7fff_ffff).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::mem::discriminant;

    use servo::WebViewPoint;
    use winit::dpi::PhysicalPosition;
    use winit::event::DeviceId;

    use super::*;

    #[test]
    fn a_finger_keeps_its_number_and_its_place() {
        for (phase, event_type) in [
            (TouchPhase::Started, TouchEventType::Down),
            (TouchPhase::Moved, TouchEventType::Move),
            (TouchPhase::Ended, TouchEventType::Up),
            (TouchPhase::Cancelled, TouchEventType::Cancel),
        ] {
            let InputEvent::Touch(event) = to_servo(&Touch {
                device_id: DeviceId::dummy(),
                phase,
                location: PhysicalPosition::new(30.5, 40.0),
                force: None,
                id: 7,
            }) else {
                panic!("no touch event");
            };
            assert_eq!(discriminant(&event.event_type), discriminant(&event_type));
            assert_eq!(event.touch_id, TouchId(7));
            let WebViewPoint::Device(point) = event.point else {
                panic!("no point of the device");
            };
            assert_eq!(point, DevicePoint::new(30.5, 40.0));
        }
    }

    #[test]
    fn two_fingers_are_not_one() {
        assert_ne!(finger(u64::from(u32::MAX)), finger(u64::from(u32::MAX) - 1));
        assert!(finger(u64::MAX) >= 0);
    }
}
