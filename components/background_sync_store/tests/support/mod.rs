//! What the tests of the store share.

use background_sync_core::*;

#[allow(dead_code, reason = "not every test uses it")]
pub mod commits;
#[allow(dead_code, reason = "not every test uses it")]
pub mod machine;

/// A registration that waits for nothing.
pub fn record(id: u64) -> StoredRegistration {
    StoredRegistration {
        id: RegistrationId(id),
        scope: ScopeKey {
            origin: "https://shop.example".try_into().unwrap(),
            scope: "https://shop.example/app/".try_into().unwrap(),
        },
        kind: RegistrationKind::OneShot,
        tag: format!("tag {id}").as_str().try_into().unwrap(),
        state: RegistrationState::Pending,
        attempts: 0,
        interruptions: 0,
        registered_at: WallTime(1_700_000_000_000),
        retry_at: None,
    }
}
