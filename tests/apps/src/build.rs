//! Builds the apps, with the tools and the libraries that their lock file pins.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use background_sync_e2e::Packages;

use crate::app::{APPS, App};
use crate::server::Server;

/// What npm installs.
const PACKAGES: Packages = Packages {
    folder: "apps",
    manifest: include_str!("../npm/package.json"),
    lock: include_str!("../npm/package-lock.json"),
};

/// Says of which sources the built apps are.
const STAMP: &str = "stamp";

/// The built apps.
pub struct Built {
    folder: PathBuf,
}

/// Builds them if that was not done before; `None` if there are no packages and that is allowed.
///
/// # Panics
/// If an app can't be built, or if packages can't be had, unless `BACKGROUND_SYNC_SKIP_NPM` is set.
pub fn build() -> Option<Built> {
    let modules = PACKAGES.modules()?;
    let home = modules.parent().expect("it is in the cache");
    let built = Built {
        folder: home.join("dist"),
    };
    // Held until this returns: other processes may run the same tests.
    let lock = File::create(home.join("build-lock")).expect("the cache is writable");
    lock.lock().expect("a file can be locked");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("sites");
    let stamp = stamp_of(&sources).expect("the sources can be read");
    let stamp_file = built.folder.join(STAMP);
    if fs::read_to_string(&stamp_file).is_ok_and(|found| found == stamp) {
        return Some(built);
    }
    let _ = fs::remove_dir_all(&built.folder);
    // Beside the packages, where the tools look for them.
    let copy = home.join("sites");
    let _ = fs::remove_dir_all(&copy);
    copy_folder(&sources, &copy).expect("the cache is writable");
    let output = Command::new("node")
        .arg(copy.join("build.mjs"))
        .arg(&built.folder)
        .args(APPS.map(|app| app.name))
        .current_dir(home)
        .stdin(Stdio::null())
        .output()
        .expect("node comes with npm");
    assert!(
        output.status.success(),
        "the apps can't be built ({}): {}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    fs::write(stamp_file, stamp).expect("the cache is writable");
    Some(built)
}

impl Built {
    /// Serves an app at the root of a server.
    ///
    /// # Panics
    /// If it was not built.
    pub fn serve(&self, app: &App, server: &Server) {
        let folder = self.folder.join(app.name);
        for file in files_below(&folder).expect("the app was built") {
            let name = file.strip_prefix(&folder).expect("it is below").display();
            let bytes = fs::read(&file).expect("it is in the folder");
            let kind = content_type(&file);
            if name.to_string() == "index.html" {
                server.serve("/", kind, bytes.clone());
            }
            server.serve(&format!("/{name}"), kind, bytes);
        }
    }
}

fn content_type(file: &Path) -> &'static str {
    match file.extension().and_then(OsStr::to_str) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

fn stamp_of(sources: &Path) -> io::Result<String> {
    let mut hasher = DefaultHasher::new();
    PACKAGES.lock.hash(&mut hasher);
    for file in files_below(sources)? {
        file.strip_prefix(sources)
            .expect("it is below")
            .hash(&mut hasher);
        fs::read(&file)?.hash(&mut hasher);
    }
    Ok(format!("{:016x}\n", hasher.finish()))
}

/// All files, in the order of their names.
fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut files = Vec::new();
    for entry in entries {
        if entry.file_type()?.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else {
            files.push(entry.path());
        }
    }
    Ok(files)
}

fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
    for file in files_below(from)? {
        let target = to.join(file.strip_prefix(from).expect("it is below"));
        fs::create_dir_all(target.parent().expect("it is below"))?;
        fs::copy(&file, target)?;
    }
    Ok(())
}
