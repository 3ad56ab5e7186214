//! Where a profile is, and how its kiosk loses it.

use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use super::disk::{Disk, Journal};
use super::plan::Place;
use super::trial::End;
use crate::Kiosk;

/// A folder, on a disk whose power can be cut unless kiosks are only killed.
pub struct Medium {
    disk: Option<Disk>,
    folder: PathBuf,
    /// How many images of the disk there were.
    images: u32,
    // Dropped last: the disk is in it.
    scratch: TempDir,
}

impl Medium {
    /// An empty one.
    pub fn new(end: End, journal: Journal) -> Self {
        let scratch = tempfile::tempdir().expect("a writable folder");
        let folder = scratch.path().join("disk-0");
        let image = scratch.path().join("image-0");
        let disk = (end != End::Kill)
            .then(|| Disk::make(image, &folder, journal).expect("can_cut_power() was asked"));
        let medium = Self {
            disk,
            folder,
            images: 1,
            scratch,
        };
        medium.prepare();
        medium
    }

    /// The profile.
    pub fn profile(&self) -> PathBuf {
        self.folder.join("profile")
    }

    /// Ends a kiosk; returns all that it had told in this round.
    pub fn cut(&mut self, end: End, place: Place, kiosk: Kiosk) -> Vec<Value> {
        let Some(disk) = self.disk.take() else {
            return kiosk.into_story();
        };
        kiosk.freeze();
        let volatile = format!("volatile-{}", self.images);
        disk.write_volatile(&volatile);
        if end == End::FlushAndPowerCut {
            disk.flush();
        }
        if place == Place::Other {
            self.folder = self.scratch.path().join(format!("disk-{}", self.images));
        }
        let image = self.scratch.path().join(format!("image-{}", self.images));
        let (disk, story) = disk.cut(image, &self.folder, || kiosk.into_story());
        // Otherwise this was no power cut.
        assert!(disk.has(&self.durable()), "what was flushed is there");
        assert_eq!(
            disk.has(&volatile),
            end == End::FlushAndPowerCut,
            "{volatile} was not flushed by itself"
        );
        self.disk = Some(disk);
        self.images += 1;
        self.prepare();
        story
    }

    /// Before a kiosk uses the disk: to flush this file may flush what others have written before.
    fn prepare(&self) {
        if let Some(disk) = &self.disk {
            disk.write_durable(&self.durable());
        }
    }

    /// The file that is flushed before the next cut.
    fn durable(&self) -> String {
        format!("durable-{}", self.images)
    }
}
