//! The file that the list is kept in.

use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bincode::Options;
use siphasher::sip128::{Hasher128, SipHasher24};

use crate::list::{MAX_BYTES_IN_ALL, NotificationList};

/// The layout of the file: this byte, [`CHECK_BYTES`] over the rest, and the list as bincode writes it.
const VERSION: u8 = 1;

/// So many bytes tell whether the rest is as it was written.
const CHECK_BYTES: usize = 16;

/// No list that was written is longer, whatever its names and lengths take.
const MAX_FILE_BYTES: u64 = 2 * MAX_BYTES_IN_ALL as u64;

/// Why a list can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system says no.
    #[error("{}: {error}", path.display())]
    Io {
        /// Of the file or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file is not as it was written. It is put aside by the next [`NotificationFile::save`].
    #[error("{} is damaged", .0.display())]
    Damaged(PathBuf),
    /// A later version of the browser has written it.
    #[error("{} has version {version}, and this browser knows {VERSION}", path.display())]
    Newer {
        /// Of the file.
        path: PathBuf,
        /// Its version.
        version: u8,
    },
}

/// Why bytes are not a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// No browser has written them.
    Damaged,
    /// A later version of the browser has, with this version of the layout.
    Newer(u8),
}

/// One file, replaced as a whole: after a crash or a power cut it is the old one or the new one.
#[derive(Debug)]
pub struct NotificationFile {
    folder: PathBuf,
}

impl NotificationFile {
    /// In a folder of its own, which is made when something is written.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("list")
    }

    /// What was saved last; nothing if nothing was.
    ///
    /// # Errors
    /// [`FileError`] if it can't be read.
    pub fn load(&self) -> Result<NotificationList, FileError> {
        let path = self.path();
        let io_error = |error| FileError::Io {
            path: path.clone(),
            error,
        };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(NotificationList::default());
            }
            Err(error) => return Err(io_error(error)),
        };
        let mut bytes = Vec::new();
        file.take(MAX_FILE_BYTES)
            .read_to_end(&mut bytes)
            .map_err(io_error)?;
        decode_list(&bytes).map_err(|why| match why {
            Unreadable::Damaged => FileError::Damaged(path),
            Unreadable::Newer(version) => FileError::Newer { path, version },
        })
    }

    /// Puts a file that can't be read aside, beside where it was.
    ///
    /// # Errors
    /// [`FileError::Io`] if that fails.
    pub fn put_aside(&self) -> Result<(), FileError> {
        let path = self.path();
        fs::rename(&path, self.folder.join("list.damaged"))
            .map_err(|error| FileError::Io { path, error })
    }

    /// Saves the list. Returns once it is on the medium.
    ///
    /// # Errors
    /// [`FileError::Io`] if it can't be written; then the old one is still there.
    pub fn save(&self, list: &NotificationList) -> Result<(), FileError> {
        let io_error = |error| FileError::Io {
            path: self.path(),
            error,
        };
        fs::create_dir_all(&self.folder).map_err(io_error)?;
        let beside = self.folder.join("list.new");
        let mut file = File::create(&beside).map_err(io_error)?;
        file.write_all(&encode_list(list)).map_err(io_error)?;
        file.sync_data().map_err(io_error)?;
        fs::rename(&beside, self.path()).map_err(io_error)?;
        File::open(&self.folder)
            .and_then(|folder| folder.sync_data())
            .map_err(io_error)
    }
}

fn codec() -> impl Options {
    bincode::DefaultOptions::new().with_limit(MAX_FILE_BYTES)
}

/// A list as it is stored.
#[must_use]
pub fn encode_list(list: &NotificationList) -> Vec<u8> {
    let payload = codec()
        .serialize(list)
        .expect("the limits of the list are below that of the file");
    let mut bytes = vec![VERSION];
    bytes.extend(check(&payload));
    bytes.extend(payload);
    bytes
}

/// A list that was stored.
///
/// # Errors
/// [`Unreadable`] if it is not as it was stored, or no list that [`NotificationList`] makes.
pub fn decode_list(bytes: &[u8]) -> Result<NotificationList, Unreadable> {
    let (version, rest) = bytes.split_first().ok_or(Unreadable::Damaged)?;
    if *version > VERSION {
        return Err(Unreadable::Newer(*version));
    }
    let (found, payload) = rest
        .split_at_checked(CHECK_BYTES)
        .ok_or(Unreadable::Damaged)?;
    if found != check(payload) {
        return Err(Unreadable::Damaged);
    }
    codec()
        .deserialize(payload)
        .ok()
        .filter(NotificationList::is_possible)
        .ok_or(Unreadable::Damaged)
}

fn check(payload: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = SipHasher24::new();
    hasher.write(payload);
    hasher.finish128().as_bytes()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use super::*;
    use crate::content::{
        Action, Content, MAX_ACTIONS, MAX_DATA_BYTES, MAX_TEXT_BYTES, MAX_URL_BYTES,
    };
    use crate::list::{
        MAX_NOTIFICATIONS_IN_ALL, MAX_NOTIFICATIONS_OF_ORIGIN, Notification, NotificationId,
    };

    fn some_list() -> NotificationList {
        let mut list = NotificationList::default();
        let content = Content {
            title: "title".to_owned(),
            data: vec![1, 2, 3],
            ..Content::default()
        };
        list.show("https://a.example", "https://a.example/", content)
            .unwrap();
        list
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let file = NotificationFile::in_folder(&folder.path().join("notifications"));
        assert_eq!(file.load().unwrap(), NotificationList::default());
        file.save(&some_list()).unwrap();
        assert_eq!(file.load().unwrap(), some_list());
        file.save(&NotificationList::default()).unwrap();
        assert_eq!(file.load().unwrap(), NotificationList::default());
    }

    #[test]
    fn the_fullest_list_is_saved_and_loaded() {
        let long = |bytes| "x".repeat(bytes);
        let mut list = NotificationList::default();
        for number in 0..MAX_NOTIFICATIONS_IN_ALL {
            let origin = format!("https://{number}.example");
            let scope = format!("{origin}/{}", long(MAX_URL_BYTES - 64));
            let content = Content {
                title: long(MAX_TEXT_BYTES / 2),
                vibration_ms: vec![u32::MAX; MAX_TEXT_BYTES / 8],
                image: Some(long(MAX_URL_BYTES)),
                data: vec![0; MAX_DATA_BYTES],
                ..Content::default()
            };
            list.show(&origin, &scope, content).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let file = NotificationFile::in_folder(folder.path());
        file.save(&list).unwrap();
        assert_eq!(file.load().unwrap(), list);
    }

    #[test]
    fn each_damage_is_noticed_and_can_be_put_aside() {
        let bytes = encode_list(&some_list());
        for index in 1..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[index] ^= 1;
            assert_eq!(
                decode_list(&damaged),
                Err(Unreadable::Damaged),
                "byte {index}"
            );
        }
        for length in 0..bytes.len() {
            assert_eq!(
                decode_list(&bytes[..length]),
                Err(Unreadable::Damaged),
                "{length} bytes"
            );
        }
        let folder = tempfile::tempdir().unwrap();
        let file = NotificationFile::in_folder(folder.path());
        fs::write(file.path(), b"\x01nonsense").unwrap();
        assert!(matches!(file.load(), Err(FileError::Damaged(_))));
        file.put_aside().unwrap();
        assert_eq!(file.load().unwrap(), NotificationList::default());
    }

    /// As they would be on a disk that somebody else writes.
    fn stored(notifications: Vec<Notification>, last_id: u64) -> Vec<u8> {
        let payload = codec().serialize(&(notifications, last_id)).unwrap();
        let mut bytes = vec![VERSION];
        bytes.extend(check(&payload));
        bytes.extend(payload);
        bytes
    }

    fn notification(id: u64, content: Content) -> Notification {
        Notification {
            id: NotificationId(id),
            origin: format!("https://{id}.example"),
            scope: String::new(),
            content,
        }
    }

    #[test]
    fn a_list_beyond_the_limits_is_damaged() {
        let small = |id| notification(id, Content::default());
        let bytes = stored(vec![small(1), small(3)], 3);
        assert_eq!(decode_list(&bytes).unwrap().iter().count(), 2);
        // They weigh nothing, and one more notification would not fit into the file.
        let many_actions = Content {
            actions: vec![Action::default(); MAX_ACTIONS + 1],
            ..Content::default()
        };
        let many = 1..=MAX_NOTIFICATIONS_IN_ALL as u64 + 1;
        let of_origin = (1..=MAX_NOTIFICATIONS_OF_ORIGIN as u64 + 1).map(|id| Notification {
            origin: "https://a.example".to_owned(),
            ..small(id)
        });
        let long_scope = Notification {
            scope: "x".repeat(MAX_URL_BYTES + 1),
            ..small(1)
        };
        for (notifications, last_id) in [
            (vec![notification(1, many_actions)], 1),
            (many.map(small).collect(), u64::from(u32::MAX)),
            (of_origin.collect(), u64::from(u32::MAX)),
            (vec![long_scope], 1),
            (vec![small(2), small(2)], 2),
            (vec![small(2)], 1),
            (vec![], u64::MAX),
        ] {
            let bytes = stored(notifications, last_id);
            assert_eq!(decode_list(&bytes), Err(Unreadable::Damaged));
        }
    }

    #[test]
    fn what_a_later_version_has_written_is_left_alone() {
        let mut bytes = encode_list(&some_list());
        bytes[0] = VERSION + 1;
        assert_eq!(decode_list(&bytes), Err(Unreadable::Newer(VERSION + 1)));
    }
}
