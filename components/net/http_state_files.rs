/* This Source Code Form is subject to the terms of the Mozilla Public
 * License, v. 2.0. If a copy of the MPL was not distributed with this
 * file, You can obtain one at https://mozilla.org/MPL/2.0/. */

//! Cookies, HTTP logins and HSTS, in files of the profile that are written as they change: whole, beside the old one, which
//! is then replaced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use log::error;
use serde::Serialize;
use serde::de::DeserializeOwned;
use servo_base::generic_channel::GenericCallback;

use crate::hsts::HstsEntry;
use crate::http_loader::HttpState;

pub(crate) const AUTH_CACHE: &str = "auth_cache.json";
pub(crate) const COOKIE_JAR: &str = "cookie_jar.json";
pub(crate) const HSTS_LIST: &str = "hsts_list.json";

/// What changes is written at most so often, unless somebody waits for it.
const LEAST_TIME_BETWEEN_WRITES: Duration = Duration::from_secs(1);

/// What could not be written, because the disk was full, is tried again after this time, unless something happens before.
const RETRY_DELAY: Duration = Duration::from_secs(30);

/// An HSTS entry whose expiry has moved by less is not written for that.
const LEAST_CHANGE_OF_HSTS: Duration = Duration::from_hours(1);

/// So many damaged files of a name are kept; the last one is replaced by another.
const MAX_DAMAGED_FILES: u32 = 4;

/// What is written, by all who do that in this process.
static KEPT: Mutex<Vec<Changes>> = Mutex::new(Vec::new());

/// Whether all changes are on the medium. One that was made by now, and is not, is noticed.
pub fn all_written() -> bool {
    kept().iter().all(Changes::are_written)
}

/// Nobody panics while they hold it.
fn kept() -> MutexGuard<'static, Vec<Changes>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts the changes of one of the states, and has them written.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<Counter>);

#[derive(Debug, Default)]
struct Counter {
    changes: AtomicU64,
    /// So many of them are on the medium.
    written: AtomicU64,
    writer: std::sync::OnceLock<Sender<ToWriter>>,
}

impl Changes {
    /// To be called while the state is locked.
    pub(crate) fn note(&self) {
        self.0.changes.fetch_add(1, Ordering::SeqCst);
        if let Some(writer) = self.0.writer.get() {
            // Fails once everything has been written for the last time.
            let _ = writer.send(ToWriter::Changed);
        }
    }

    fn count(&self) -> u64 {
        self.0.changes.load(Ordering::SeqCst)
    }

    fn note_written(&self, count: u64) {
        self.0.written.store(count, Ordering::SeqCst);
    }

    fn are_written(&self) -> bool {
        self.0.written.load(Ordering::SeqCst) == self.count()
    }
}

enum ToWriter {
    Changed,
    /// Writes what has changed, and says whether it is on the medium.
    MakeDurable(Box<dyn FnOnce(bool) + Send>),
}

/// The way to the thread that writes. It ends when this is dropped.
pub(crate) struct HttpStateFiles {
    writer: Option<Sender<ToWriter>>,
    /// Of what is written.
    changes: Vec<Changes>,
}

impl HttpStateFiles {
    /// Nothing is written if there is no folder.
    pub(crate) fn new(folder: Option<&Path>, state: &Arc<HttpState>) -> Self {
        let Some(folder) = folder else {
            return Self::without_files();
        };
        let (sender, receiver) = unbounded();
        let mut writer = Writer::new(folder, state.clone());
        let states = writer.states.iter();
        let changes: Vec<_> = states.map(|state| state.changes.clone()).collect();
        for changes in &changes {
            let _ = changes.0.writer.set(sender.clone());
        }
        let spawned = thread::Builder::new()
            .name("HttpStateFiles".to_owned())
            .spawn(move || writer.run(&receiver));
        if let Err(error) = spawned {
            error!("Cookies will not be kept, because there is no thread: {error}");
            return Self::without_files();
        }
        kept().extend(changes.iter().cloned());
        Self {
            writer: Some(sender),
            changes,
        }
    }

    fn without_files() -> Self {
        Self {
            writer: None,
            changes: Vec::new(),
        }
    }

    /// Calls back once everything that has been set by now is on the medium, or could not be brought there.
    pub(crate) fn make_durable(&self, done: GenericCallback<bool>) {
        // An error means that nobody waits any more.
        let done = move |durable| {
            let _ = done.send(durable);
        };
        self.write(Box::new(done));
    }

    fn write(&self, done: Box<dyn FnOnce(bool) + Send>) {
        let Some(writer) = &self.writer else {
            return done(true);
        };
        // Most of those who ask have changed nothing here: they need not wait for the thread.
        if self.changes.iter().all(Changes::are_written) {
            return done(true);
        }
        if let Err(unsent) = writer.send(ToWriter::MakeDurable(done))
            && let ToWriter::MakeDurable(done) = unsent.into_inner()
        {
            done(false);
        }
    }

    /// For the end: waits for it.
    pub(crate) fn finish(&self) {
        let (sender, receiver) = unbounded();
        self.write(Box::new(move |durable| {
            let _ = sender.send(durable);
        }));
        if receiver.recv() != Ok(true) {
            error!("The last changes of cookies could not be stored.");
        }
    }
}

/// One of the files.
struct State {
    name: &'static str,
    changes: Changes,
    /// Serialized, with the number of changes that are in it.
    serialize: fn(&HttpState) -> serde_json::Result<(Vec<u8>, u64)>,
}

struct Writer {
    folder: PathBuf,
    http_state: Arc<HttpState>,
    states: [State; 3],
}

impl Writer {
    fn new(folder: &Path, http_state: Arc<HttpState>) -> Self {
        let state = |name, changes: &Changes, serialize| {
            // What was read is on the medium.
            changes.note_written(changes.count());
            State {
                name,
                changes: changes.clone(),
                serialize,
            }
        };
        let states = [
            state(AUTH_CACHE, &http_state.auth_cache.read().changes, |state| {
                let auth_cache = state.auth_cache.read();
                Ok((serialize(&*auth_cache)?, auth_cache.changes.count()))
            }),
            state(COOKIE_JAR, &http_state.cookie_jar.read().changes, |state| {
                let mut cookie_jar = state.cookie_jar.write();
                // What was deleted is marked as expired: its value does not stay on the medium.
                cookie_jar.remove_all_expired_cookies();
                Ok((serialize(&*cookie_jar)?, cookie_jar.changes.count()))
            }),
            state(HSTS_LIST, &http_state.hsts_list.read().changes, |state| {
                let hsts_list = state.hsts_list.read();
                Ok((serialize(&*hsts_list)?, hsts_list.changes.count()))
            }),
        ];
        Self {
            folder: folder.to_owned(),
            http_state,
            states,
        }
    }

    fn run(&mut self, messages: &Receiver<ToWriter>) {
        let mut last_write: Option<Instant> = None;
        let mut write_at: Option<Instant> = None;
        loop {
            let message = match write_at {
                Some(at) => messages.recv_deadline(at),
                None => messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match message {
                Ok(ToWriter::Changed) => {
                    let now = Instant::now();
                    let next = last_write.map(|last| last + LEAST_TIME_BETWEEN_WRITES);
                    let next = next.map_or(now, |next| next.max(now));
                    write_at = Some(write_at.map_or(next, |at| at.min(next)));
                }
                Ok(ToWriter::MakeDurable(done)) => {
                    if self.has_changes() {
                        last_write = Some(Instant::now());
                    }
                    let is_durable = self.write();
                    write_at = (!is_durable).then(|| Instant::now() + RETRY_DELAY);
                    done(is_durable);
                }
                Err(RecvTimeoutError::Timeout) => {
                    let is_durable = self.write();
                    last_write = Some(Instant::now());
                    write_at = (!is_durable).then(|| Instant::now() + RETRY_DELAY);
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn has_changes(&self) -> bool {
        let mut states = self.states.iter();
        states.any(|state| !state.changes.are_written())
    }

    /// Writes what has changed. Returns whether everything is on the medium.
    fn write(&mut self) -> bool {
        let mut is_durable = true;
        for state in &mut self.states {
            if state.changes.are_written() {
                continue;
            }
            let written = (state.serialize)(&self.http_state)
                .map_err(io::Error::from)
                .and_then(|(text, changes)| {
                    replace(&self.folder, state.name, &text)?;
                    Ok(changes)
                });
            match written {
                Ok(changes) => state.changes.note_written(changes),
                Err(error) => {
                    let path = self.folder.join(state.name);
                    error!("{} can't be written: {error}", path.display());
                    is_durable = false;
                }
            }
        }
        is_durable
    }
}

/// Servers say the same with every response: an expiry that has moved a little does not wear the medium.
pub(crate) fn is_worth_writing(old: &HstsEntry, new: &HstsEntry) -> bool {
    let expiry = |entry: &HstsEntry| entry.expires_at.map_or(0, |at| at.get());
    old.include_subdomains != new.include_subdomains
        || expiry(old).abs_diff(expiry(new)) > LEAST_CHANGE_OF_HSTS.as_secs()
}

fn serialize(data: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec_pretty(data)
}

/// All of it or nothing, also at a power cut. Readable by the owner alone.
fn replace(folder: &Path, name: &str, text: &[u8]) -> io::Result<()> {
    let beside = folder.join(format!("{name}.new"));
    // One that was left may have other permissions.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut writer = BufWriter::new(options.open(&beside)?);
    writer.write_all(text)?;
    let file = writer
        .into_inner()
        .map_err(io::IntoInnerError::into_error)?;
    file.sync_data()?;
    drop(file);
    fs::rename(&beside, folder.join(name))?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// Takes what an earlier run has written, if there is something. A damaged file costs itself only: it is set aside.
pub(crate) fn read<T: DeserializeOwned>(data: &mut T, folder: &Path, name: &str) {
    let path = folder.join(name);
    let damage = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        // It may be readable next time, and would be replaced by then.
        Err(error) => error.to_string(),
        Ok(text) => match serde_json::from_slice(&text) {
            Ok(decoded) => return *data = decoded,
            Err(error) => error.to_string(),
        },
    };
    let aside = (1..=MAX_DAMAGED_FILES)
        .map(|number| folder.join(format!("{name}.damaged-{number}")))
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| folder.join(format!("{name}.damaged-{MAX_DAMAGED_FILES}")));
    match fs::rename(&path, &aside) {
        Ok(()) => error!(
            "{} is damaged ({damage}): it is kept as {}, and what was in it is forgotten",
            path.display(),
            aside.display()
        ),
        Err(error) => error!(
            "{} is damaged ({damage}) and can't be set aside: {error}",
            path.display()
        ),
    }
}
