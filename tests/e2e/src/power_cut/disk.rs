//! A disk whose power can be cut: ext4 in an image file.
//!
//! What the file system has not written to its disk is not in the image, and so not in a copy that is taken without asking
//! it to flush anything. The loop device writes through the page cache of the image file, where the copy reads it: that is
//! the disk's content, written back by the machine or not.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::PATIENCE;

const SIZE_BYTES: u64 = 64 << 20;

/// What is copied or left out as one: more than a block of the file system.
const CHUNK_BYTES: usize = 64 << 10;

/// What the control files have in them.
const CONTROL: &[u8] = &[b'x'; 5_000];

/// How ext4 treats the blocks of a file whose metadata it commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journal {
    /// It writes them before, the default.
    Ordered,
    /// It does not: a file may come out of a cut with other bytes than it ever had.
    Writeback,
}

impl Journal {
    /// So that time does not save what nobody has asked to be saved, nothing is committed for its age alone: by default
    /// that would be every 5 s.
    fn options(self) -> &'static str {
        match self {
            Self::Ordered => "loop,noatime,commit=300,data=ordered",
            Self::Writeback => "loop,noatime,commit=300,data=writeback",
        }
    }
}

/// A mounted file system. Dropping it frees the folder and the loop device.
#[derive(Debug)]
pub struct Disk {
    image: PathBuf,
    folder: PathBuf,
    journal: Journal,
}

impl Disk {
    /// Makes an empty one in this new file, and mounts it at this folder.
    ///
    /// # Errors
    /// What this machine lacks for it: `mkfs.ext4`, a loop device, or the right to mount one.
    pub fn make(image: PathBuf, folder: &Path, journal: Journal) -> Result<Self, String> {
        let file = File::create_new(&image).map_err(|error| error.to_string())?;
        let sized = file.set_len(SIZE_BYTES);
        sized.map_err(|error| format!("{}: {error}", image.display()))?;
        // Nothing is left for the kernel to write later: a copy must find the image at rest.
        let layout = "lazy_itable_init=0,lazy_journal_init=0";
        run(Command::new("mkfs.ext4")
            .args(["-q", "-F", "-b", "4096", "-E", layout])
            .arg(&image))?;
        Self::mount(image, folder, journal)
    }

    fn mount(image: PathBuf, folder: &Path, journal: Journal) -> Result<Self, String> {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        // With the option `loop`, the kernel frees the loop device at the end of the mount, and the mount ends with the
        // namespace at the latest: no way out of this program leaves either behind.
        run(Command::new("mount")
            .args(["-t", "ext4", "-o", journal.options()])
            .args([&image, folder]))?;
        Ok(Self {
            image,
            folder: folder.to_owned(),
            journal,
        })
    }

    /// Writes a file and flushes it, with its name.
    pub fn write_durable(&self, name: &str) {
        self.write(name).sync_all().expect("a disk");
        let folder = File::open(&self.folder).expect("it is mounted");
        folder.sync_all().expect("a disk");
    }

    /// Writes a file and leaves it to the file system when to bring it to the disk.
    pub fn write_volatile(&self, name: &str) {
        self.write(name);
    }

    fn write(&self, name: &str) -> File {
        let mut file = File::create_new(self.folder.join(name)).expect("a writable disk");
        file.write_all(CONTROL).expect("room");
        file
    }

    /// Whether a file has all that was written to it.
    pub fn has(&self, name: &str) -> bool {
        fs::read(self.folder.join(name)).is_ok_and(|content| content == CONTROL)
    }

    /// Flushes everything.
    pub fn flush(&self) {
        let flushed = run(Command::new("sync").arg("--file-system").arg(&self.folder));
        flushed.expect("a disk");
    }

    /// How often this disk was told to flush since it was mounted: what a commit that survives a power cut costs.
    pub fn flushes(&self) -> u64 {
        let mounts = fs::read_to_string("/proc/self/mounts").expect("Linux");
        let folder = self.folder.to_string_lossy();
        let device = mounts
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(_, rest)| rest.split(' ').next() == Some(&*folder))
            .and_then(|(device, _)| device.strip_prefix("/dev/"))
            .expect("it is mounted");
        let statistics = fs::read_to_string(format!("/sys/block/{device}/stat"));
        let statistics = statistics.expect("a loop device has statistics");
        // https://docs.kernel.org/block/stat.html
        let flushes = statistics.split_whitespace().nth(15);
        flushes
            .and_then(|count| count.parse().ok())
            .expect("Linux 5.5 or newer counts them")
    }

    /// Cuts the power: mounts, at this folder, what has come to the disk. Nobody may be writing. `is_cut` is told when
    /// nothing comes to it any more, and must end whoever uses it.
    pub fn cut<T>(self, image: PathBuf, folder: &Path, is_cut: impl FnOnce() -> T) -> (Self, T) {
        copy_at_rest(&self.image, &image);
        let told = is_cut();
        let (old, journal) = (self.image.clone(), self.journal);
        drop(self);
        fs::remove_file(old).expect("it was made here");
        let after = Self::mount(image, folder, journal);
        (after.expect("what a cut has left can be mounted"), told)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, in case somebody has a file of it open.
        let unmounted = run(Command::new("umount").arg("--lazy").arg(&self.folder));
        if let Err(reason) = unmounted {
            eprintln!("{reason}");
        }
    }
}

/// Copies the file once two readings of it are the same: half of a commit that is being written, in the wrong order, would
/// be nothing that a disk may do.
fn copy_at_rest(from: &Path, to: &Path) {
    let deadline = Instant::now() + PATIENCE;
    let mut content = fs::read(from).expect("it was made here");
    loop {
        let again = fs::read(from).expect("it was made here");
        if again == content {
            break;
        }
        content = again;
        assert!(Instant::now() < deadline, "something writes on and on");
    }
    let file = File::create_new(to).expect("a writable folder");
    file.set_len(SIZE_BYTES).expect("a sparse file");
    for (number, chunk) in content.chunks(CHUNK_BYTES).enumerate() {
        if chunk.iter().any(|byte| *byte != 0) {
            let offset = (number * CHUNK_BYTES) as u64;
            file.write_all_at(chunk, offset).expect("room");
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            Err(format!("`{program}` says: {}", errors.trim()))
        }
        Err(error) => Err(format!("`{program}` cannot be run: {error}")),
    }
}
