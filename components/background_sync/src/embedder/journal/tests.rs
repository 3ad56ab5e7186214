#![allow(clippy::unwrap_used, reason = "a test may")]

use super::*;

fn entry(count: u64) -> SyncNotification {
    SyncNotification::Restored { count }
}

fn about(host: &str, tag: &str) -> SyncNotification {
    about_api(SyncApi::OneShot, host, tag)
}

fn about_api(api: SyncApi, host: &str, tag: &str) -> SyncNotification {
    let origin = format!("https://{host}");
    let scope = format!("https://{host}/");
    SyncNotification::Registered {
        api,
        scope: ScopeKey {
            origin: origin.as_str().try_into().unwrap(),
            scope: scope.as_str().try_into().unwrap(),
        },
        tag: tag.try_into().unwrap(),
        duplicate: false,
    }
}

#[test]
fn it_is_bounded_in_entries_and_bytes() {
    let mut journal = Journal::default();
    for count in 0..10_000 {
        journal.add(WallTime(0), entry(count));
    }
    assert_eq!(
        journal.list(&JournalQuery::default()).len(),
        MAX_JOURNAL_ENTRIES
    );
    let update = journal.take_update().unwrap();
    assert_eq!(
        (update.put.len(), update.keep_from),
        (MAX_JOURNAL_ENTRIES, 5_904)
    );
    for count in 0..2_000 {
        journal.add(
            WallTime(0),
            about("a.example", &format!("{count}{}", "x".repeat(9_000))),
        );
    }
    assert!(journal.bytes <= MAX_JOURNAL_BYTES && journal.entries.len() < 600);
    assert_eq!(
        journal.bytes,
        journal
            .entries
            .iter()
            .map(|entry| bytes_of(&entry))
            .sum::<usize>()
    );
}

#[test]
fn the_same_thing_again_only_counts() {
    let mut journal = Journal::default();
    for at in 0..5 {
        journal.add(WallTime(at), entry(1));
    }
    journal.add(WallTime(9), entry(2));
    let list = journal.list(&JournalQuery::default());
    assert_eq!((list.len(), list[0].times, list[0].at), (2, 5, WallTime(4)));
    assert_eq!(journal.take_update().unwrap().put.len(), 2);
    assert_eq!(journal.take_update(), None);
    journal.add(WallTime(10), entry(2));
    assert_eq!(journal.take_update().unwrap().put.len(), 1);
}

#[test]
fn it_is_queried_and_cleared_by_what_it_is_about() {
    let mut journal = Journal::default();
    for host in ["a.example", "b.example"] {
        for tag in ["x", "y"] {
            journal.add(WallTime(0), about(host, tag));
        }
    }
    journal.add(WallTime(0), entry(1));
    let origin = Some("https://a.example".try_into().unwrap());
    let query = JournalQuery {
        origin,
        ..JournalQuery::default()
    };
    assert_eq!(journal.list(&query).len(), 2);
    let query = JournalQuery {
        tag: Some("y".try_into().unwrap()),
        limit: Some(1),
        ..query
    };
    assert_eq!(journal.list(&query).len(), 1);
    journal.take_update();
    journal.clear(|scope| scope.origin.as_str() == "https://a.example");
    assert_eq!(journal.list(&JournalQuery::default()).len(), 3);
    let update = journal.take_update().unwrap();
    assert_eq!((update.keep_from, update.remove), (2, vec![5..=u64::MAX]));
    journal.clear(|scope| scope.origin.as_str() == "https://b.example");
    journal.add(WallTime(0), entry(2));
    // A fault: all of it once more.
    journal.take_update();
    journal.save_again();
    let update = journal.take_update().unwrap();
    assert_eq!((update.keep_from, update.put.len()), (4, 2));
    assert_eq!(update.remove, [6..=u64::MAX]);
}

#[test]
fn numbers_of_cleared_entries_are_used_up() {
    let mut journal = Journal::default();
    journal.add(WallTime(0), entry(0));
    journal.add(WallTime(0), about("a.example", "x"));
    journal.add(WallTime(0), entry(1));
    journal.add(WallTime(0), about("a.example", "y"));
    journal.clear(|_| true);
    let update = journal.take_update().unwrap();
    assert_eq!(update.remove, [1..=1, 3..=u64::MAX]);
    let mut journal = Journal::new(update.put, update.next_sequence);
    journal.add(WallTime(0), entry(2));
    let put = journal.take_update().unwrap().put;
    assert_eq!(put[0].sequence, 4);
    // A number that is damaged counts for nothing.
    let journal = Journal::new(Vec::new(), u64::MAX);
    assert_eq!(journal.next_sequence, 0);
}

#[test]
fn the_apis_of_one_tag_are_kept_apart() {
    let mut journal = Journal::default();
    let apis = [SyncApi::OneShot, SyncApi::Periodic, SyncApi::Explainer];
    for api in apis {
        journal.add(WallTime(0), about_api(api, "a.example", "x"));
    }
    let what = about_api(SyncApi::OneShot, "a.example", "x");
    let (scope, tag) = (what.scope().unwrap(), what.tag().unwrap());
    for api in apis {
        let report = journal.report(WhyNotFired::Offline, api, scope, tag);
        let quoted: Vec<_> = report.history.iter().map(|e| e.what.api()).collect();
        assert_eq!(quoted, [Some(api)]);
    }
}

#[test]
fn what_the_permission_has_ended_is_explained_by_it() {
    let removed = |reason| {
        let what = about("a.example", "x");
        let (scope, tag) = (what.scope().unwrap().clone(), what.tag().unwrap().clone());
        let api = SyncApi::OneShot;
        let mut journal = Journal::default();
        let what = SyncNotification::Removed {
            api,
            scope: scope.clone(),
            tag: tag.clone(),
            reason,
        };
        journal.add(WallTime(0), what);
        let why = |why| journal.report(why, api, &scope, &tag).why;
        assert_eq!(why(WhyNotFired::Offline), WhyNotFired::Offline);
        why(WhyNotFired::NotRegistered)
    };
    let denied = RemovalReason::PermissionDenied;
    assert_eq!(removed(denied), WhyNotFired::PermissionDenied);
    let cleared = RemovalReason::Cleared;
    assert_eq!(removed(cleared), WhyNotFired::NotRegistered);
}

#[test]
fn a_slow_subscriber_loses_its_subscription_and_costs_nobody_else() {
    let mut journal = Journal::default();
    let slow = journal.subscribe();
    for count in 0..=u64::try_from(MAX_SUBSCRIBER_LAG).unwrap() {
        journal.add(WallTime(0), entry(count));
    }
    assert_eq!(slow.iter().count(), MAX_SUBSCRIBER_LAG);
    assert!(journal.subscribers.is_empty());
}

#[test]
fn a_damaged_sequence_does_not_end_it() {
    let stored = |sequence| JournalEntry {
        sequence,
        at: WallTime(0),
        times: 1,
        what: entry(sequence),
    };
    let mut journal = Journal::new(vec![stored(3), stored(u64::MAX)], 0);
    journal.add(WallTime(0), entry(1));
    let update = journal.take_update().unwrap();
    let put: Vec<_> = update.put.iter().map(|entry| entry.sequence).collect();
    assert_eq!((put, update.remove), (vec![4], vec![5..=u64::MAX]));
}

#[test]
fn it_goes_on_after_a_restart() {
    let mut journal = Journal::default();
    journal.add(WallTime(0), entry(1));
    let mut journal = Journal::new(journal.take_update().unwrap().put, 0);
    journal.add(WallTime(0), entry(2));
    let sequences: Vec<_> = journal
        .list(&JournalQuery::default())
        .iter()
        .map(|e| e.sequence)
        .collect();
    assert_eq!(sequences, [0, 1]);
}
