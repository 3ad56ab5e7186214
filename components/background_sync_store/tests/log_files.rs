//! The log in a profile folder.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use std::fs;
use std::path::Path;

use background_sync_core::*;
use background_sync_store::*;
use support::commits::{Model, commits};
use support::record;

/// Copies a profile as it is, as a kill leaves it.
fn copy(from: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    folder
}

/// A profile that was killed after these commits.
fn killed_after(count: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut store = RedbStore::open(folder.path()).unwrap();
    for commit in &commits(20, false)[..count] {
        commit.run(&mut store, Durability::Strict).unwrap();
    }
    copy(folder.path())
}

fn load(folder: &Path) -> Model {
    Model::load(&mut RedbStore::open(folder).unwrap())
}

fn put(folder: &Path, id: u64) {
    let mut store = RedbStore::open(folder).unwrap();
    store
        .commit(&[StoreOp::Put(record(id))], Durability::Strict)
        .unwrap();
}

#[test]
fn what_a_killed_process_had_committed_is_there() {
    let folder = killed_after(12);
    assert_eq!(load(folder.path()), Model::after(&commits(12, false)));
    // It is in the database now.
    fs::remove_file(folder.path().join(LOG_FILE_NAME)).unwrap();
    assert_eq!(load(folder.path()), Model::after(&commits(12, false)));
}

#[test]
fn a_profile_without_commits_has_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join(LOG_FILE_NAME);
    let mut store = RedbStore::open(folder.path()).unwrap();
    store.load_all().unwrap();
    store
        .commit(&[StoreOp::Put(record(1))], Durability::Relaxed)
        .unwrap();
    assert!(!log.exists());
    store.commit(&[], Durability::Strict).unwrap();
    assert_eq!(fs::metadata(&log).unwrap().len(), LOG_BYTES as u64);
}

#[test]
fn closed_it_is_a_database_that_has_everything() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), 1);
    put(folder.path(), 2);
    fs::remove_file(folder.path().join(LOG_FILE_NAME)).unwrap();
    assert_eq!(load(folder.path()).records.len(), 2);
}

/// What has its name, and is something else, is left alone.
#[test]
fn something_else_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join(LOG_FILE_NAME);
    fs::create_dir(&log).unwrap();
    put(folder.path(), 1);
    assert!(log.is_dir());
    fs::remove_dir(&log).unwrap();
    #[cfg(unix)]
    {
        let other = folder.path().join("other");
        fs::write(&other, "text").unwrap();
        std::os::unix::fs::symlink(&other, &log).unwrap();
        put(folder.path(), 2);
        assert_eq!(fs::read_to_string(&other).unwrap(), "text");
        fs::remove_file(&log).unwrap();
    }
    put(folder.path(), 3);
    assert!(log.is_file());
    assert!(load(folder.path()).records.len() > 1);
}

/// The log is kept, with a name of its own, and reported. A new one takes its place.
#[test]
fn a_damaged_frame_is_reported() {
    let folder = killed_after(12);
    let log = folder.path().join(LOG_FILE_NAME);
    let mut bytes = fs::read(&log).unwrap();
    bytes[3 * 4_096 + 50] ^= 1;
    fs::write(&log, &bytes).unwrap();
    let mut store = RedbStore::open(folder.path()).unwrap();
    let loaded = store.load_all().unwrap();
    let kept = loaded.set_aside_file.unwrap();
    assert_eq!(kept, folder.path().join("registrations.unreadable-1.log"));
    assert_eq!(fs::read(&kept).unwrap(), bytes);
    let all = commits(12, false);
    let others = all.iter().enumerate().filter(|(number, _)| *number != 3);
    let expected = Model::after(others.map(|(_, commit)| commit));
    assert_eq!(Model::load(&mut store), expected);
    drop(store);
    assert_eq!(load(folder.path()), expected, "reported once");
    put(folder.path(), 50);
    assert!(log.is_file());
}

/// A log tells what has changed in its database: without that, it goes with it.
#[test]
fn a_database_that_cannot_be_read_takes_its_log_along() {
    let folder = killed_after(5);
    let log = fs::read(folder.path().join(LOG_FILE_NAME)).unwrap();
    fs::write(folder.path().join(FILE_NAME), "garbage").unwrap();
    let mut store = RedbStore::open(folder.path()).unwrap();
    let loaded = store.load_all().unwrap();
    assert_eq!(loaded.records, []);
    let kept = loaded.set_aside_file.unwrap();
    assert_eq!(kept, folder.path().join("registrations.unreadable-1.redb"));
    let kept = folder.path().join("registrations.unreadable-1.log");
    assert_eq!(fs::read(kept).unwrap(), log);
}

/// Nothing of an older build's profile is missing, and the log is used from then on.
#[test]
fn version_1_goes_on_as_version_2() {
    let folder = tempfile::tempdir().unwrap();
    let golden = include_bytes!("golden/registrations-v1.redb");
    fs::write(folder.path().join(FILE_NAME), golden).unwrap();
    let mut store = RedbStore::open(folder.path()).unwrap();
    assert_eq!(store.load_all().unwrap().records.len(), 3);
    for id in 4..=6 {
        store
            .commit(&[StoreOp::Put(record(id))], Durability::Strict)
            .unwrap();
    }
    let killed = copy(folder.path());
    let records = load(killed.path()).records;
    assert!(records.keys().eq(&[1, 2, 3, 4, 5, 6]));
}

/// Files of a killed process, as version 2 wrote them.
#[test]
fn version_2_is_read_as_it_was_written() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let (database, log) = (
        golden.join("registrations-v2.redb"),
        golden.join("registrations-v2.log"),
    );
    if std::env::var_os("BACKGROUND_SYNC_WRITE_GOLDEN").is_some() && !log.exists() {
        let folder = killed_after(14);
        let bytes = fs::read(folder.path().join(LOG_FILE_NAME)).unwrap();
        // Zeros follow.
        let used = bytes.iter().rposition(|&byte| byte != 0).unwrap();
        fs::write(&log, &bytes[..(used / 4_096 + 1) * 4_096]).unwrap();
        fs::copy(folder.path().join(FILE_NAME), &database).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    fs::copy(&database, folder.path().join(FILE_NAME)).unwrap();
    fs::copy(&log, folder.path().join(LOG_FILE_NAME)).unwrap();
    assert_eq!(load(folder.path()), Model::after(&commits(14, false)));
}
