//! What is read from a profile: maybe damaged, maybe written by somebody else.

use arbitrary::Arbitrary;
use background_sync_core::{
    ExplainerOptions, ExtraInterval, JournalEntry, Recurrence, RegistrationId, RegistrationKind,
    RegistrationState, StoredCycle, StoredExplainer, StoredOrigin, StoredRegistration, SyncApi,
    SyncNotification, Tag, WallTime,
};
use background_sync_store::{
    decode, decode_entry, decode_origin, decode_worker, encode, encode_entry, encode_origin,
    encode_worker,
};

use crate::world::{self, Place};

/// Bytes are refused, or are a record that survives another round.
///
/// # Panics
/// On a finding.
pub fn check(bytes: &[u8]) {
    if let Ok(record) = decode(bytes) {
        let encoded = encode(&record).expect("what was decoded can be encoded");
        assert_eq!(decode(&encoded).as_ref(), Ok(&record));
    }
    if let Ok(entry) = decode_entry(bytes) {
        let encoded = encode_entry(&entry).expect("what was decoded can be encoded");
        assert_eq!(decode_entry(&encoded).as_ref(), Ok(&entry));
    }
    if let Ok(origin) = decode_origin(bytes) {
        let encoded = encode_origin(&origin).expect("what was decoded can be encoded");
        assert_eq!(decode_origin(&encoded).as_ref(), Ok(&origin));
    }
    if let Ok(worker) = decode_worker(bytes) {
        let encoded = encode_worker(&worker).expect("what was decoded can be encoded");
        assert_eq!(decode_worker(&encoded).as_ref(), Ok(&worker));
    }
}

/// A registration with any numbers.
#[derive(Arbitrary, Debug)]
pub struct AnyRecord {
    id: u64,
    place: Place,
    kind: AnyKind,
    tag: AnyTag,
    state: u8,
    attempts: u32,
    interruptions: u32,
    registered_at: u64,
    retry_at: Option<u64>,
    /// A byte of the file that was changed.
    damage: Option<(u8, u8)>,
}

/// When something that repeats fires.
#[derive(Arbitrary, Debug)]
struct AnyCycle {
    min_interval_ms: u64,
    anchor: u64,
    fired_at: Option<u64>,
}

impl From<AnyCycle> for StoredCycle {
    fn from(cycle: AnyCycle) -> Self {
        Self {
            min_interval_ms: cycle.min_interval_ms,
            anchor: WallTime(cycle.anchor),
            fired_at: cycle.fired_at.map(WallTime),
        }
    }
}

#[derive(Arbitrary, Debug)]
enum AnyKind {
    OneShot,
    Periodic(AnyCycle),
    Explainer {
        cycle: AnyCycle,
        repeating: bool,
        min_interval_ms: Option<u64>,
    },
}

impl AnyKind {
    fn into_kind(self) -> RegistrationKind {
        match self {
            Self::OneShot => RegistrationKind::OneShot,
            Self::Periodic(cycle) => RegistrationKind::Periodic(cycle.into()),
            Self::Explainer {
                cycle,
                repeating,
                min_interval_ms,
            } => {
                let recurrence = match repeating {
                    true => Recurrence::Repeating,
                    false => Recurrence::Once,
                };
                let options = ExplainerOptions {
                    recurrence,
                    min_interval_ms,
                    ..ExplainerOptions::default()
                };
                RegistrationKind::Explainer(Box::new(StoredExplainer {
                    options,
                    cycle: cycle.into(),
                }))
            }
        }
    }
}

/// What is kept about an origin.
#[derive(Arbitrary, Debug)]
pub struct AnyOrigin {
    place: Place,
    fired_at: Option<u64>,
    extra_ms: Option<u64>,
}

impl AnyOrigin {
    /// As it is stored, and read again.
    ///
    /// # Panics
    /// On a finding.
    #[must_use]
    pub fn into_origin(self) -> StoredOrigin {
        let origin = StoredOrigin {
            origin: self.place.key().origin,
            fired_at: self.fired_at.map(WallTime),
            extra: self
                .extra_ms
                .map_or(ExtraInterval::Never, ExtraInterval::Ms),
        };
        let bytes = encode_origin(&origin).expect("a valid origin can be encoded");
        assert_eq!(
            decode_origin(&bytes).as_ref(),
            Ok(&origin),
            "a valid origin survives"
        );
        origin
    }
}

#[derive(Arbitrary, Debug)]
enum AnyTag {
    One(u8),
    /// In UTF-16, lone surrogates included.
    Text(Vec<u16>),
}

impl AnyRecord {
    /// As it is stored, and read again.
    ///
    /// # Panics
    /// On a finding.
    #[must_use]
    pub fn into_record(self) -> Option<StoredRegistration> {
        let record = StoredRegistration {
            id: RegistrationId(self.id),
            scope: self.place.key(),
            kind: self.kind.into_kind(),
            tag: match self.tag {
                AnyTag::One(number) => world::tag(number),
                AnyTag::Text(code_units) => Tag::from_utf16(&code_units).ok()?,
            },
            state: match self.state % 4 {
                0 => RegistrationState::Pending,
                1 => RegistrationState::Waiting,
                2 => RegistrationState::Firing,
                _ => RegistrationState::ReregisteredWhileFiring,
            },
            attempts: self.attempts,
            interruptions: self.interruptions,
            registered_at: WallTime(self.registered_at),
            retry_at: self.retry_at.map(WallTime),
        };
        let mut bytes = encode(&record).expect("a valid record can be encoded");
        assert_eq!(
            decode(&bytes).as_ref(),
            Ok(&record),
            "a valid record survives"
        );
        let Some((position, value)) = self.damage else {
            return Some(record);
        };
        let length = bytes.len();
        bytes[usize::from(position) % length] = value;
        check(&bytes);
        decode(&bytes).ok()
    }
}

/// An entry of the journal with any numbers.
#[derive(Arbitrary, Debug)]
pub struct AnyEntry {
    sequence: u64,
    at: u64,
    times: u32,
    place: Place,
    tag: u8,
}

impl AnyEntry {
    /// As it is stored, and read again.
    ///
    /// # Panics
    /// On a finding.
    #[must_use]
    pub fn into_entry(self) -> JournalEntry {
        let entry = JournalEntry {
            sequence: self.sequence,
            at: WallTime(self.at),
            times: self.times,
            what: SyncNotification::Registered {
                api: SyncApi::OneShot,
                scope: self.place.key(),
                tag: world::tag(self.tag),
                duplicate: false,
            },
        };
        let bytes = encode_entry(&entry).expect("a valid entry can be encoded");
        assert_eq!(
            decode_entry(&bytes).as_ref(),
            Ok(&entry),
            "a valid entry survives"
        );
        entry
    }
}
