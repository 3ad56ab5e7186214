/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Keeps the list of notifications in the profile, in a thread of its own: the embedder's waits for no disk.

use std::cell::RefCell;
use std::mem;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded};
use embedder_traits::service_workers::NotShown;
use log::{error, warn};
use notification_store::{FileError, NotificationFile, NotificationList};
use parking_lot::Mutex;
use servo_base::generic_channel::GenericCallback;

use super::send;

type Answer = GenericCallback<Result<(), NotShown>>;

/// So many calls wait until their notification is on the medium. One more is answered at once.
const MAX_WAITING_ANSWERS: usize = 1_024;

/// What is to be written next: only the newest list counts.
#[derive(Default)]
struct Pending {
    list: Option<NotificationList>,
    answers: Vec<Answer>,
}

pub(super) struct Keeper {
    pending: Arc<Mutex<Pending>>,
    /// `None` if nothing is written, or no more.
    thread: RefCell<Option<(Sender<()>, JoinHandle<()>)>>,
}

impl Keeper {
    /// Reads what an earlier run has kept in this folder.
    pub(super) fn start(directory: Option<&Path>) -> (Self, NotificationList) {
        let pending = Arc::new(Mutex::new(Pending::default()));
        let (thread, list) = match directory {
            Some(directory) => open(directory, &pending),
            None => (None, NotificationList::default()),
        };
        let keeper = Self {
            pending,
            thread: RefCell::new(thread),
        };
        (keeper, list)
    }

    /// Writes the list, and then answers.
    pub(super) fn keep(&self, list: &NotificationList, answer: Option<Answer>) {
        let thread = self.thread.borrow();
        let Some((wake, _)) = &*thread else {
            if let Some(answer) = answer {
                send(&answer, Ok(()));
            }
            return;
        };
        let mut pending = self.pending.lock();
        pending.list = Some(list.clone());
        if let Some(answer) = answer {
            if pending.answers.len() < MAX_WAITING_ANSWERS {
                pending.answers.push(answer);
            } else {
                send(&answer, Ok(()));
            }
        }
        drop(pending);
        // Full: the thread will look anyway.
        let _ = wake.try_send(());
    }

    /// Returns once everything is written.
    pub(super) fn shutdown(&self) {
        if let Some((wake, thread)) = self.thread.take() {
            drop(wake);
            if thread.join().is_err() {
                error!("The thread that keeps notifications has panicked.");
            }
        }
    }
}

fn open(
    directory: &Path,
    pending: &Arc<Mutex<Pending>>,
) -> (Option<(Sender<()>, JoinHandle<()>)>, NotificationList) {
    let file = NotificationFile::in_folder(directory);
    let list = match file.load() {
        Ok(list) => list,
        Err(error @ FileError::Damaged(_)) => {
            warn!("The notifications of earlier runs are lost: {error}");
            if let Err(error) = file.put_aside() {
                warn!("It can't be put aside: {error}");
            }
            NotificationList::default()
        }
        // What is there must not be overwritten.
        Err(error) => {
            error!("Notifications are not kept in this run: {error}");
            return (None, NotificationList::default());
        }
    };
    let (wake, woken) = bounded(1);
    let pending = pending.clone();
    let spawned = thread::Builder::new()
        .name("Notifications".to_owned())
        .spawn(move || run(&file, &woken, &pending));
    match spawned {
        Ok(thread) => (Some((wake, thread)), list),
        Err(error) => {
            error!("Notifications are not kept in this run: {error}");
            (None, list)
        }
    }
}

fn run(file: &NotificationFile, woken: &Receiver<()>, pending: &Mutex<Pending>) {
    // Once more after the last sender is gone.
    while woken.recv().is_ok() {
        write(file, pending);
    }
    write(file, pending);
}

/// A notification that can't be kept is shown all the same: its person sees it, and only a restart takes it away.
fn write(file: &NotificationFile, pending: &Mutex<Pending>) {
    let Pending { list, answers } = mem::take(&mut *pending.lock());
    if let Some(list) = list
        && let Err(error) = file.save(&list)
    {
        error!("The notifications could not be kept: {error}");
    }
    for answer in answers {
        send(&answer, Ok(()));
    }
}
