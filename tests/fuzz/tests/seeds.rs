//! The seeds: one of each kind, so that the fuzzer need not guess how they are encoded.

use std::path::Path;
use std::{env, fs};

use background_sync_core::{Caller, JournalEntry, SyncApi, SyncNotification, TagTooLong, WallTime};
use background_sync_fuzz::message::{self, PlainClient, PlainMessage};
use background_sync_fuzz::notifications::FILE_VERSION;
use background_sync_fuzz::world::{Place, tag, worker};
use background_sync_store::{decode, encode_entry, encode_worker};
use background_sync_traits::{
    CallId, ConnectionId, EventOutcome, EventToken, ExplainerOptions, PermissionName,
    SyncManagerMessage as M, SyncRequest, WorkerAuthority,
};
use notification_store::{Action, Content, NotificationList, encode_list};
use serde::de::DeserializeOwned;

/// A name that is otherwise random. Any will do: a fuzzer has no other either.
fn numbered<T: DeserializeOwned>(number: u128) -> T {
    let bytes = postcard::to_stdvec(&number).expect("a number can be encoded");
    postcard::from_bytes(&bytes).expect("it is a number")
}

/// What clients send.
fn client_messages() -> Vec<(&'static str, PlainMessage)> {
    let connection: ConnectionId = numbered(2);
    let call = CallId(7);
    let scope = Place::Good(0).key();
    let register = |tag| SyncRequest::Register {
        tag,
        active_worker: true,
        caller: Caller::Page,
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
        caller: Caller::Page,
    };
    let permission = SyncRequest::QueryPermission {
        name: PermissionName::PeriodicBackgroundSync,
    };
    let too_long = Err(TagTooLong { bytes: 10_241 });
    let unregister_explainer = SyncRequest::UnregisterExplainer { id: tag(2) };
    let requests = [
        ("register", register(Ok(tag(2)))),
        ("too-long", register(too_long)),
        ("register-periodic", periodic),
        ("register-explainer", explainer),
        (
            "unregister-periodic",
            SyncRequest::UnregisterPeriodic { tag: tag(2) },
        ),
        ("unregister-explainer", unregister_explainer),
        ("get-tags", SyncRequest::GetTags),
        ("query-permission", permission),
    ];
    let requests = requests.map(|(name, request)| {
        let message = M::Request {
            connection,
            call,
            request,
        };
        (name, message)
    });
    let client = PlainClient(0);
    let connect = M::Connect {
        connection,
        scope,
        client,
    };
    let others = [
        ("connect", connect),
        ("acknowledge", M::Acknowledge { connection, call }),
        ("disconnect", M::Disconnect { connection }),
    ];
    requests.into_iter().chain(others).collect()
}

/// What the service workers' side sends.
fn worker_messages() -> Vec<(&'static str, PlainMessage)> {
    let scope = || Place::Good(0).key();
    let authority: WorkerAuthority = numbered(1);
    let finished = M::EventFinished {
        event: numbered::<EventToken>(3),
        outcome: EventOutcome::Rejected,
    };
    let activated = M::WorkerActivated {
        authority,
        scope: scope(),
    };
    let store = M::StoreWorker {
        authority,
        scope: scope(),
        worker: worker(b"x"),
    };
    let forget = M::ForgetWorker {
        authority,
        scope: scope(),
    };
    let unregistered = M::WorkerUnregistered {
        authority,
        scope: scope(),
    };
    vec![
        ("finished", finished),
        ("request-authority", M::RequestAuthority { scope: scope() }),
        ("activated", activated),
        ("store-worker", store),
        ("revive-worker", M::ReviveWorker { scope: scope() }),
        ("forget-worker", forget),
        ("unregistered", unregistered),
    ]
}

fn records() -> Vec<(&'static str, Vec<u8>)> {
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
    let worker = worker(b"onsync = () => {}");
    vec![
        ("journal-entry", encode_entry(&entry).expect("it is valid")),
        ("worker", encode_worker(&worker).expect("it is valid")),
    ]
}

/// What the file of notifications has after its check.
fn notifications() -> Vec<u8> {
    let mut list = NotificationList::default();
    for tag in ["", "t"] {
        let content = Content {
            title: "title".to_owned(),
            tag: tag.to_owned(),
            icon: Some("https://a.example/icon.png".to_owned()),
            vibration_ms: vec![200, 100],
            silent: Some(false),
            actions: vec![Action::default()],
            data: vec![1, 2, 3],
            ..Content::default()
        };
        list.show("https://a.example", "https://a.example/", content)
            .expect("it is short");
    }
    const CHECK_BYTES: usize = 16;
    let bytes = encode_list(&list);
    assert_eq!(bytes[0], FILE_VERSION);
    [&bytes[..1], &bytes[1 + CHECK_BYTES..]].concat()
}

/// With `BACKGROUND_SYNC_WRITE_SEEDS` in the environment they are written first.
#[test]
fn seeds_are_what_is_sent_and_stored_today() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let messages = client_messages().into_iter().chain(worker_messages());
    let messages = messages.map(|(name, message)| {
        let mut bytes = vec![0];
        bytes.extend(message::encode(&message));
        (root.join("wire").join(name), bytes)
    });
    let records = records()
        .into_iter()
        .map(|(name, bytes)| (root.join("records").join(name), bytes));
    let notifications = (root.join("notifications/list-v1"), notifications());
    for (file, bytes) in messages.chain(records).chain([notifications]) {
        if env::var_os("BACKGROUND_SYNC_WRITE_SEEDS").is_some() {
            fs::write(&file, &bytes).expect("it can be written");
        }
        let seed = fs::read(&file).expect("it was written");
        assert_eq!(seed, bytes, "{}", file.display());
    }
}

#[test]
fn copied_seeds_are_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds/records");
    for name in ["record-v1-pending.bin", "record-v1-firing.bin"] {
        let bytes = fs::read(root.join(name)).expect("it was copied");
        assert!(decode(&bytes).is_ok(), "{name}");
    }
}
