//! The seeds: one of each kind, so that the fuzzer need not guess how they are encoded.

use std::fs;
use std::path::Path;

use background_sync_core::{JournalEntry, SyncApi, SyncNotification, TagTooLong, WallTime};
use background_sync_fuzz::message::{self, PlainClient, PlainMessage};
use background_sync_fuzz::world::{Place, tag, worker};
use background_sync_store::{decode, encode_entry, encode_worker};
use background_sync_traits::{
    CallId, ConnectionId, EventOutcome, EventToken, ExplainerOptions, SyncManagerMessage as M,
    SyncRequest, WorkerAuthority,
};

fn messages() -> Vec<(&'static str, PlainMessage)> {
    let connection = ConnectionId::new();
    let call = CallId(7);
    let scope = Place::Good(0).key();
    let register = |tag| SyncRequest::Register {
        tag,
        active_worker: true,
    };
    let request = |request| M::Request {
        connection,
        call,
        request,
    };
    // Any number: a fuzzer has no other either.
    let authority = postcard::to_stdvec(&1_u128).expect("a number can be encoded");
    let authority: WorkerAuthority = postcard::from_bytes(&authority).expect("it is a number");
    let finished = M::EventFinished {
        event: EventToken::new(),
        outcome: EventOutcome::Rejected,
    };
    let periodic = SyncRequest::RegisterPeriodic {
        tag: Ok(tag(2)),
        min_interval_ms: 3_600_000,
        active_worker: true,
    };
    let explainer = SyncRequest::RegisterExplainer {
        id: Ok(tag(2)),
        options: Ok(ExplainerOptions::default()),
        active_worker: true,
    };
    vec![
        (
            "connect",
            M::Connect {
                connection,
                scope: scope.clone(),
                client: PlainClient(0),
            },
        ),
        ("register", request(register(Ok(tag(2))))),
        (
            "too-long",
            request(register(Err(TagTooLong { bytes: 10_241 }))),
        ),
        ("register-periodic", request(periodic)),
        ("register-explainer", request(explainer)),
        (
            "unregister-periodic",
            request(SyncRequest::UnregisterPeriodic { tag: tag(2) }),
        ),
        (
            "unregister-explainer",
            request(SyncRequest::UnregisterExplainer { id: tag(2) }),
        ),
        ("get-tags", request(SyncRequest::GetTags)),
        ("acknowledge", M::Acknowledge { connection, call }),
        ("disconnect", M::Disconnect { connection }),
        ("finished", finished),
        (
            "request-authority",
            M::RequestAuthority {
                scope: scope.clone(),
            },
        ),
        (
            "activated",
            M::WorkerActivated {
                authority,
                scope: scope.clone(),
            },
        ),
        (
            "store-worker",
            M::StoreWorker {
                authority,
                scope: scope.clone(),
                worker: worker(b"x"),
            },
        ),
        ("unregistered", M::WorkerUnregistered { authority, scope }),
    ]
}

#[test]
fn seeds_are_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (name, _) in messages() {
        let bytes = fs::read(root.join("wire").join(name)).expect("it was written");
        assert!(message::decode(&bytes[1..]).is_some(), "{name}");
    }
    for name in ["record-v1-pending.bin", "record-v1-firing.bin"] {
        let bytes = fs::read(root.join("records").join(name)).expect("it was copied");
        assert!(decode(&bytes).is_ok(), "{name}");
    }
}

#[test]
#[ignore = "writes seeds"]
fn write_seeds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (name, message) in messages() {
        let mut bytes = vec![0];
        bytes.extend(message::encode(&message));
        fs::write(root.join("wire").join(name), bytes).expect("it can be written");
    }
    let entry = JournalEntry {
        sequence: 3,
        at: WallTime(1_700_000_000_000),
        times: 1,
        what: SyncNotification::Dispatched {
            api: SyncApi::Periodic,
            scope: Place::Good(1).key(),
            tag: tag(1),
            attempt: 2,
            last_chance: false,
        },
    };
    let bytes = encode_entry(&entry).expect("it is valid");
    fs::write(root.join("records/journal-entry"), bytes).expect("it can be written");
    let bytes = encode_worker(&worker(b"onsync = () => {}")).expect("it is valid");
    fs::write(root.join("records/worker"), bytes).expect("it can be written");
}
