//! Whatever the bytes: decoding never panics, and what decodes is what was encoded.

#![allow(clippy::unwrap_used, reason = "a test may")]

use background_sync_core::*;
use background_sync_store::*;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_is_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..300), versioned: bool) {
        if versioned && !bytes.is_empty() {
            bytes[0] = RECORD_VERSION;
        }
        let _ = decode(&bytes);
        let _ = decode_entry(&bytes);
        let _ = decode_origin(&bytes);
        if let Some(first) = bytes.first_mut() {
            *first = OTHER_KINDS_VERSION;
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn a_damaged_record_is_an_error_or_a_record(
        position in 0..80_usize,
        value: u8,
        cut in 0..80_usize,
    ) {
        let record = StoredRegistration {
            id: RegistrationId(70_000),
            scope: ScopeKey {
                origin: "https://shop.example".try_into().unwrap(),
                scope: "https://shop.example/app/".try_into().unwrap(),
            },
            kind: RegistrationKind::OneShot,
            tag: "tag".try_into().unwrap(),
            state: RegistrationState::Waiting,
            attempts: 300,
            interruptions: 2,
            registered_at: WallTime(1_700_000_000_000),
            retry_at: Some(WallTime(1_700_000_060_000)),
        };
        let mut bytes = encode(&record).unwrap();
        prop_assert_eq!(&decode(&bytes).unwrap(), &record);
        if let Some(byte) = bytes.get_mut(position) {
            *byte = value;
        }
        bytes.truncate(bytes.len().min(cut + 1));
        let _ = decode(&bytes);
    }
}
