//! The socket's file, and who may connect.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Its name in the profile's folder.
pub const SOCKET_NAME: &str = "control.sock";

/// Its name until it is ready.
const NEW_SOCKET_NAME: &str = "control.sock.new";

/// Bytes of a path that a socket's address has room for, without the zero at its end (`unix(7)`).
const MAX_ADDRESS_BYTES: usize = 107;

/// Bits of a folder's mode by which others can put files of their own into it.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// A socket's file. It goes when this is dropped.
#[derive(Debug)]
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Whoever finds it nevertheless is refused by the system: nobody listens.
        let _ = fs::remove_file(&self.0);
    }
}

/// Makes the socket, for this user alone. One that a killed kiosk has left is replaced; whether the profile is this kiosk's is
/// settled by then.
///
/// # Errors
/// If others could replace it, or the file system has no sockets.
pub fn listen(folder: &Path) -> io::Result<(UnixListener, SocketFile)> {
    if fs::metadata(folder)?.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!(
                "others can write to its folder; `chmod go-w {}` changes that",
                folder.display()
            ),
        ));
    }
    let fresh = folder.join(NEW_SOCKET_NAME);
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(Address::new(folder, NEW_SOCKET_NAME)?.path)?;
    fs::set_permissions(&fresh, fs::Permissions::from_mode(0o600))?;
    let path = folder.join(SOCKET_NAME);
    // Nobody finds it earlier, and with other permissions.
    fs::rename(&fresh, &path)?;
    Ok((listener, SocketFile(path)))
}

/// Connects to the kiosk that uses the profile.
///
/// # Errors
/// `NotFound` or `ConnectionRefused` if none listens.
pub fn connect(folder: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(Address::new(folder, SOCKET_NAME)?.path)
}

/// Whether the process at the other end is of the same user as this one.
///
/// # Errors
/// If the system can't tell.
pub fn is_of_this_user(stream: &UnixStream) -> io::Result<bool> {
    let peer = rustix::net::sockopt::socket_peercred(stream)?;
    Ok(peer.uid == rustix::process::geteuid())
}

/// A path that is short enough for a socket's address, as long as this lasts.
struct Address {
    path: PathBuf,
    _folder: Option<File>,
}

impl Address {
    fn new(folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(name);
        let bytes = path.as_os_str().len();
        if bytes <= MAX_ADDRESS_BYTES {
            let _folder = None;
            return Ok(Self { path, _folder });
        }
        // The same folder by a shorter name.
        let folder = File::open(folder)?;
        let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
        if !short.exists() {
            return Err(io::Error::other(format!(
                "{} has {bytes} bytes, and without /proc a socket's path may have {MAX_ADDRESS_BYTES}",
                path.display()
            )));
        }
        Ok(Self {
            path: short.join(name),
            _folder: Some(folder),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileTypeExt;

    use super::*;

    fn assert_reached(folder: &Path) {
        let (listener, file) = listen(folder).expect("it can be made");
        let path = folder.join(SOCKET_NAME);
        let metadata = fs::symlink_metadata(&path).expect("it is there");
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.mode() & 0o777, 0o600);
        let client = connect(folder).expect("somebody listens");
        let (served, _) = listener.accept().expect("somebody has connected");
        assert!(is_of_this_user(&served).expect("the system can tell"));
        assert!(is_of_this_user(&client).expect("the system can tell"));
        drop(file);
        assert!(!path.exists(), "it goes");
    }

    #[test]
    fn what_a_killed_kiosk_has_left_is_replaced() {
        let folder = tempfile::tempdir().expect("a writable folder");
        let (listener, file) = listen(folder.path()).expect("it can be made");
        std::mem::forget(file);
        drop(listener);
        let error = connect(folder.path()).expect_err("nobody listens");
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        assert_reached(folder.path());
    }

    #[test]
    fn a_path_may_be_longer_than_an_address() {
        let folder = tempfile::tempdir().expect("a writable folder");
        let deep = folder.path().join("d".repeat(120));
        fs::create_dir(&deep).expect("a writable folder");
        fs::set_permissions(&deep, fs::Permissions::from_mode(0o700)).expect("it is ours");
        assert_reached(&deep);
    }

    #[test]
    fn a_folder_in_which_others_can_write_has_none() {
        let folder = tempfile::tempdir().expect("a writable folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o770)).expect("it is ours");
        let error = listen(folder.path()).expect_err("others could replace it");
        assert!(error.to_string().contains("chmod go-w"), "{error}");
    }
}
