//! A store that can't be opened when the manager starts.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use background_sync::traits::{SyncRequest, SyncResponse};
use background_sync::*;

use crate::support::*;

/// A profile on a disk that can be exchanged for one that can't be used.
struct Profile {
    folder: tempfile::TempDir,
}

impl Profile {
    /// With one registration, of this tag.
    fn with(tag: &str) -> Self {
        let profile = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        fs::create_dir(profile.path("good")).unwrap();
        fs::write(profile.path("bad"), "").unwrap();
        profile.unblock();
        let mut browser = Browser::start(profile.config().connectivity(Connectivity::Offline));
        browser.page().register(tag).unwrap();
        browser.shutdown();
        profile
    }

    fn config(&self) -> Config {
        let policy = Policy {
            local_fault_delay_ms: 50,
            ..quick()
        };
        Config::new()
            .policy(policy)
            .directory(self.path("disk/profile"))
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn block(&self) {
        self.exchange("bad");
    }

    fn unblock(&self) {
        self.exchange("good");
    }

    /// At once: the manager may look at any moment.
    fn exchange(&self, disk: &str) {
        symlink(disk, self.path("next")).unwrap();
        fs::rename(self.path("next"), self.path("disk")).unwrap();
    }
}

#[test]
fn what_is_stored_fires_once_the_disk_can_be_used() {
    let profile = Profile::with("old");
    profile.block();
    let browser = Browser::start(profile.config());
    browser.assert_no_event();
    profile.unblock();
    browser.event();
    assert_eq!(browser.page().tags(), ["old"]);
}

#[test]
fn until_then_each_call_has_a_clear_answer() {
    let profile = Profile::with("old");
    profile.block();
    // Nothing is tried by itself.
    let policy = Policy {
        local_fault_delay_ms: 3_600_000,
        ..quick()
    };
    let config = profile.config().policy(policy);
    let browser = Browser::start(config.connectivity(Connectivity::Offline));
    let page = browser.page();
    let error = page.register("new").unwrap_err();
    let problem = StorageProblem::NotWritable;
    assert_eq!(error, RegisterError::Storage { problem });
    // Where is for the embedder alone.
    let folder = profile.folder.path().display().to_string();
    assert!(!error.to_string().contains(&folder), "{error}");
    browser.note(|note| {
        matches!(note, SyncNotification::StorageFailed { fault, .. } if fault.reason.contains(&folder))
    });
    let tag = Tag::try_from("x").unwrap();
    page.request(SyncRequest::UnregisterPeriodic { tag: tag.clone() });
    let response = page.reply().response;
    assert!(matches!(response, SyncResponse::Unregistered(Err(_))));
    let name = PermissionName::BackgroundSync;
    page.request(SyncRequest::QueryPermission { name });
    let granted = SyncResponse::Permission(Permission::Granted);
    assert_eq!(page.reply().response, granted);
    assert_eq!(page.tags(), [""; 0]);
    let control = browser.thread.as_ref().unwrap().control();
    let entries = control.subscribe().unwrap();
    let dispatched = control.dispatch_now(SyncApi::OneShot, scope(), tag);
    let not_now = Some(Err(DispatchError::NotNow));
    assert_eq!(dispatched.wait_timeout(SOON), not_now);
    let old = Tag::try_from("old").unwrap();
    let removed = control.unregister(SyncApi::OneShot, scope(), old);
    let removed = removed.wait_timeout(SOON).unwrap();
    assert!(matches!(removed, Err(RemoveError::Storage(_))));
    let next = control.next_wakeup().wait_timeout(SOON).unwrap().unwrap();
    assert!(next > Duration::from_secs(3_000), "{next:?}");

    profile.unblock();
    let deadline = Instant::now() + SOON;
    // Opening is not tried all the time.
    while page.register("new").is_err() {
        assert!(Instant::now() < deadline, "it does not recover");
    }
    // What could not be removed before was removed then.
    assert_eq!(page.tags(), ["new"]);
    let registered = |note: &SyncNotification| matches!(note, SyncNotification::Registered { .. });
    let entry = entries.iter().find(|entry| registered(&entry.what));
    let journal = control.journal(JournalQuery::default());
    let journal = journal.wait_timeout(SOON).unwrap();
    assert!(
        journal.contains(&entry.unwrap()),
        "the subscription goes on"
    );
    let sequences = journal.iter().map(|entry| entry.sequence);
    assert!(sequences.is_sorted_by(|a, b| a < b));
    let both = journal.iter().filter(|entry| registered(&entry.what));
    assert_eq!(both.count(), 2, "of the earlier run, and of this one");
}

#[test]
fn it_ends_also_if_the_disk_could_never_be_used() {
    let profile = Profile::with("old");
    profile.block();
    let mut browser = Browser::start(profile.config());
    assert!(browser.page().register("new").is_err());
    browser.shutdown();
    profile.unblock();
    assert_eq!(Browser::start(profile.config()).page().tags(), ["old"]);
}
