//! What the embedder may ask and do.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use background_sync::*;
use background_sync_core::StoreOp;
use background_sync_store::{JournalUpdate, Loaded, WorkerStore};
use crossbeam_channel::{Sender, unbounded};

use crate::support::*;

fn offline() -> Config {
    Config::new()
        .policy(quick())
        .connectivity(Connectivity::Offline)
}

fn control(browser: &Browser) -> SyncManagerControl {
    browser.thread.as_ref().unwrap().control()
}

fn answer<T>(reply: &Reply<T>) -> T {
    reply.wait_timeout(SOON).unwrap()
}

fn tag(text: &str) -> Tag {
    text.try_into().unwrap()
}

#[test]
fn one_call_says_why_a_tag_has_not_fired() {
    let browser = Browser::start(offline());
    browser.page().register("x").unwrap();
    let why = || answer(&control(&browser).why_not_fired(SyncApi::OneShot, scope(), tag("x")));
    // The acknowledgement may still be on its way.
    browser.assert_no_event();
    assert_eq!(why().why, WhyNotFired::Offline);
    assert!(matches!(
        why().history[0].what,
        SyncNotification::Registered { .. }
    ));
    let held = WhyNotFired::Offline;
    assert!(
        matches!(&why().history[1].what, SyncNotification::HeldBack { why, .. } if *why == held)
    );
    browser.report(Connectivity::Online);
    let event = browser.event();
    assert_eq!(why().why, WhyNotFired::Running { attempt: 1 });
    browser.finish(event.event, EventOutcome::Fulfilled);
    browser.assert_no_event();
    let report = why();
    assert_eq!(report.why, WhyNotFired::NotRegistered);
    let last = &report.history.last().unwrap().what;
    assert!(matches!(
        last,
        SyncNotification::Finished {
            next: NextStep::Removed,
            ..
        }
    ));
}

#[test]
fn an_event_is_dispatched_now_and_its_outcome_awaited() {
    let browser = Browser::start(offline());
    browser.page().register("x").unwrap();
    let reply = control(&browser).dispatch_now(SyncApi::OneShot, scope(), tag("x"));
    let event = browser.event();
    browser.finish(event.event, EventOutcome::Rejected);
    assert_eq!(answer(&reply), Ok(EventOutcome::Rejected));
    let reply = control(&browser).dispatch_now(SyncApi::OneShot, scope(), tag("unknown"));
    assert_eq!(answer(&reply), Err(DispatchError::NotRegistered));
    let list = answer(&control(&browser).list());
    assert_eq!((list.len(), list[0].attempts), (1, 1));
}

#[test]
fn registrations_and_their_history_are_cleared_by_site() {
    let folder = tempfile::tempdir().unwrap();
    let config = offline().directory(folder.path());
    let mut browser = Browser::start(config.clone());
    for host in ["a.example", "shop.a.example", "b.example"] {
        let origin = format!("https://{host}");
        let page = browser.page_of(scope_at(&origin, &format!("{origin}/")));
        page.register("x").unwrap();
        page.register("y").unwrap();
    }
    let reply = control(&browser).unregister(
        SyncApi::OneShot,
        scope_at("https://b.example", "https://b.example/"),
        tag("y"),
    );
    assert_eq!(answer(&reply), Ok(1));
    let reply = control(&browser).clear(Clear::Site("a.example".to_owned()));
    assert_eq!(answer(&reply), Ok(4));
    browser.shutdown();

    let browser = Browser::start(config);
    let list = answer(&control(&browser).list());
    assert_eq!(list.len(), 1);
    assert_eq!(
        (list[0].scope.origin.as_str(), list[0].tag.to_str().unwrap()),
        ("https://b.example", "x")
    );
    let journal = answer(&control(&browser).journal(JournalQuery::default()));
    let of_a = journal.iter().filter_map(|entry| entry.what.scope());
    assert_eq!(
        of_a.filter(|scope| scope.origin.as_str().ends_with("a.example"))
            .count(),
        0
    );
    let query = JournalQuery {
        tag: Some(tag("y")),
        ..JournalQuery::default()
    };
    let journal = answer(&control(&browser).journal(query));
    let cleared = RemovalReason::Cleared;
    let last = &journal.last().unwrap().what;
    assert!(matches!(last, SyncNotification::Removed { reason, .. } if *reason == cleared));
}

/// What a power cut right after the answer leaves behind.
#[test]
fn what_is_cleared_is_gone_from_the_disk_when_that_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let browser = Browser::start(offline().directory(folder.path()));
    browser.page().register("secret").unwrap();
    let authority = browser.authority(&scope());
    browser.send(SyncManagerMessage::StoreWorker {
        authority,
        scope: scope(),
        worker: traits::StoredWorker {
            script_url: "https://a.example/sw.js".try_into().unwrap(),
            source: b"secret".to_vec().try_into().unwrap(),
            imports: Default::default(),
            headers: Default::default(),
            updates: Default::default(),
            handles_fetch: true,
            navigation_preload: Default::default(),
        },
    });
    let copy = || {
        let copy = tempfile::tempdir().unwrap();
        for file in fs::read_dir(folder.path()).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        let list = RedbStore::open(copy.path()).unwrap().load_all().unwrap();
        let journal = RedbStore::open(copy.path())
            .unwrap()
            .load_journal()
            .unwrap();
        let worker = WorkerStore::open(copy.path()).unwrap().load(&scope());
        let about = journal.iter().filter(|entry| entry.what.scope().is_some());
        (list.records.len(), about.count(), worker.unwrap().is_some())
    };
    let deadline = Instant::now() + SOON;
    while !matches!(copy(), (1, 1.., true)) {
        assert!(Instant::now() < deadline, "it is never stored");
    }
    assert_eq!(answer(&control(&browser).clear(Clear::All)), Ok(1));
    assert_eq!(copy(), (0, 0, false));
    // Nothing is left, and that is durable, too.
    assert_eq!(answer(&control(&browser).clear(Clear::All)), Ok(0));
}

/// A journal that can't be written for a while.
struct NoJournal {
    inner: MemoryStore,
    fails: Arc<AtomicBool>,
    written: Sender<JournalUpdate>,
}

impl RegistrationStore for NoJournal {
    fn load_all(&mut self) -> Result<Loaded, StoreError> {
        self.inner.load_all()
    }

    fn commit(&mut self, batch: &[StoreOp], durability: Durability) -> Result<(), StoreError> {
        self.inner.commit(batch, durability)
    }

    fn update_journal(&mut self, update: &JournalUpdate, _: Durability) -> Result<(), StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Other("there is no room".to_owned()));
        }
        self.written.send(update.clone()).unwrap();
        Ok(())
    }
}

#[test]
fn a_history_that_could_not_be_stored_or_cleared_is_later() {
    let (written, updates) = unbounded();
    let fails = Arc::new(AtomicBool::new(true));
    let store = NoJournal {
        inner: MemoryStore::new(),
        fails: fails.clone(),
        written,
    };
    let browser = Browser::start_with(offline(), Some(OPEN), Some(Box::new(store))).unwrap();
    browser.page().register("x").unwrap();
    let other = scope_at("https://b.example", "https://b.example/");
    browser.page_of(other).register("y").unwrap();
    let origin = "https://b.example".try_into().unwrap();
    let cleared = answer(&control(&browser).clear(Clear::Origin(origin)));
    assert!(
        matches!(cleared, Err(RemoveError::Storage(_))),
        "{cleared:?}"
    );
    fails.store(false, Ordering::SeqCst);
    // The next entry takes along what could not be stored before.
    browser.report(Connectivity::Online);
    let update = updates.recv_timeout(SOON).unwrap();
    let about = |what: &SyncNotification, host: &str| {
        let scope = what.scope();
        scope.is_some_and(|scope| scope.origin.as_str().ends_with(host))
    };
    assert!(
        update
            .put
            .iter()
            .any(|entry| about(&entry.what, "a.example"))
    );
    assert!(
        !update
            .put
            .iter()
            .any(|entry| about(&entry.what, "b.example"))
    );
    assert!(!update.remove.is_empty());
}

#[test]
fn the_journal_is_subscribed_to() {
    let browser = Browser::start(offline());
    let entries = control(&browser).subscribe().unwrap();
    browser.page().register("x").unwrap();
    let first = entries.recv_timeout(SOON).unwrap();
    assert!(
        matches!(first.what, SyncNotification::Registered { .. }),
        "{first:?}"
    );
    let second = entries.recv_timeout(SOON).unwrap();
    assert!(second.sequence > first.sequence);
}

#[test]
fn the_journal_survives_the_end_of_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let config = offline().directory(folder.path());
    let mut browser = Browser::start(config.clone());
    browser.page().register("x").unwrap();
    browser.shutdown();
    let browser = Browser::start(config);
    let journal = answer(&control(&browser).journal(JournalQuery::default()));
    let registered = |entry: &&JournalEntry| {
        matches!(
            entry.what,
            SyncNotification::Registered {
                duplicate: false,
                ..
            }
        )
    };
    assert_eq!(journal.iter().filter(registered).count(), 1, "{journal:?}");
    let connectivity =
        |entry: &&JournalEntry| matches!(entry.what, SyncNotification::ConnectivityChanged { .. });
    assert_eq!(
        journal.iter().filter(connectivity).count(),
        0,
        "the end is no change"
    );
}

#[test]
fn the_next_wake_up_is_the_next_retry() {
    let policy = Policy {
        first_retry_delay_ms: 60_000,
        ..quick()
    };
    let browser = Browser::start(Config::new().policy(policy));
    browser.page().register("x").unwrap();
    let event = browser.event();
    browser.finish(event.event, EventOutcome::Rejected);
    browser.note(|note| matches!(note, SyncNotification::Finished { .. }));
    // First the removal and the journal are committed.
    let minute = Duration::from_secs(50)..=Duration::from_secs(61);
    let deadline = Instant::now() + SOON;
    loop {
        let next = answer(&control(&browser).next_wakeup()).unwrap();
        if minute.contains(&next) {
            break;
        }
        assert!(next <= Duration::from_secs(1), "{next:?}");
        assert!(Instant::now() < deadline, "it is never committed");
    }
    let list = answer(&control(&browser).list());
    let WhyNotFired::WaitsForRetry {
        in_ms,
        failed_attempts: 1,
    } = list[0].why
    else {
        panic!("{list:?}")
    };
    assert!(in_ms <= 60_000 && in_ms > 50_000, "{in_ms}");
}

#[test]
fn without_anything_to_do_there_is_no_next_wake_up() {
    let browser = Browser::start(offline());
    browser.page().register("x").unwrap();
    let deadline = Instant::now() + SOON;
    // First the promise is known to be resolved, and the journal is committed.
    while answer(&control(&browser).next_wakeup()).is_some() {
        assert!(Instant::now() < deadline, "there is always something");
    }
}

#[test]
fn questions_to_a_manager_that_is_gone_are_answered() {
    let mut browser = Browser::start(offline());
    browser.page().register("x").unwrap();
    let control = control(&browser);
    let pending = control.dispatch_now(SyncApi::OneShot, scope(), tag("x"));
    browser.event();
    browser.shutdown();
    assert_eq!(answer(&pending), Err(DispatchError::ShuttingDown));
    assert_eq!(control.list().wait(), Err(ManagerGone));
    control.report_connectivity(Connectivity::Online);
}
