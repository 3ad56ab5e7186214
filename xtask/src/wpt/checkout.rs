//! A reduced web-platform-tests checkout with the stock wptrunner, from Debian's source package of Firefox. `apt-get source`
//! would download its hundred translations too, and unpack all of it, which is gigabytes.
//!
//! It is third-party material: it stays in the cache, and nothing of it comes into the repository.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;

use crate::command;

/// Where the checkout is inside the source package.
const TESTS: &str = "testing/web-platform/tests";
/// What is kept of it: the runner, what it serves to every test, the suites that are run, and what those load.
const KEPT: [&str; 28] = [
    "wpt",
    "wpt.py",
    "LICENSE.md",
    "README.md",
    "lint.ignore",
    "tools",
    "resources",
    "common",
    "interfaces",
    "background-sync",
    "periodic-background-sync",
    "service-workers",
    "notifications",
    "permissions",
    "dom/nodes",
    "IndexedDB",
    "storage/buckets/resources",
    "cookies/resources",
    "cookies/samesite/resources",
    "fetch/api/resources",
    "html/anonymous-iframe/resources",
    "html/cross-origin-embedder-policy/credentialless/resources",
    "html/semantics/forms/form-submission-0/resources",
    "images",
    "media/foo-no-cors.vtt",
    "media/foo.vtt",
    "media/foo.vtt.headers",
    "xhr/resources",
];
/// Downloads a file and checks its hash. It is in the package of apt itself, but not on the PATH.
const APT_HELPER: &str = "/usr/lib/apt/apt-helper";
/// Says which package a finished checkout is from.
const SOURCE_FILE: &str = "SOURCE.txt";
const NO_PACKAGE: &str = "download a web-platform-tests checkout yourself (git clone --depth 1 \
    https://github.com/web-platform-tests/wpt) and name it with --wpt-root";

/// A file that can be downloaded.
#[derive(Debug, Eq, PartialEq)]
struct Source {
    uri: String,
    file: String,
    bytes: u64,
    hash: String,
}

/// The checkout in the cache; it is downloaded first if it is not there.
pub fn ensure(cache: &Path) -> Result<PathBuf> {
    let checkout = cache.join("checkout");
    // One of before may lack what is kept by now.
    let has_all = || KEPT.iter().all(|kept| checkout.join(kept).exists());
    if checkout.join(SOURCE_FILE).is_file() && has_all() {
        return Ok(checkout);
    }
    fs::create_dir_all(cache)?;
    let partial = cache.join("checkout.partial");
    for stale in [&partial, &checkout] {
        if stale.exists() {
            fs::remove_dir_all(stale)?;
        }
    }
    fs::create_dir_all(&partial)?;
    let source = find_source(&partial)?;
    eprintln!(
        "Downloading web-platform-tests and wptrunner ({}, {} MB, of which about 100 MB are kept).",
        source.file,
        source.bytes / 1_000_000
    );
    let unpacked = partial.join("unpacked");
    fs::create_dir_all(&unpacked)?;
    download_and_unpack(&source, &partial, &unpacked)?;
    let tree = find_tree(&unpacked)?;
    mend(&tree)?;
    fs::write(tree.join(SOURCE_FILE), format!("{}\n", source.uri))
        .context("cannot write into the checkout")?;
    fs::rename(&tree, &checkout)?;
    fs::remove_dir_all(&partial)?;
    Ok(checkout)
}

/// Asks apt, with package lists of our own, so that nothing of the system changes.
fn find_source(folder: &Path) -> Result<Source> {
    ensure!(
        command::is_on_path("apt-get"),
        "there is no apt-get here, by which the checkout is found; {NO_PACKAGE}"
    );
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let field = |name: &str| {
        release
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
            .map(|value| value.trim_matches('"').to_owned())
    };
    let codename = match (field("ID").as_deref(), field("VERSION_CODENAME")) {
        (Some("debian"), Some(codename)) => codename,
        _ => bail!("only Debian has a source package with the checkout; {NO_PACKAGE}"),
    };
    let mut sites = Command::new("apt-get");
    sites.args(["indextargets", "--format", "$(SITE)"]);
    let site = command::text(&mut sites)
        .unwrap_or_default()
        .lines()
        .find(|line| !line.contains("security"))
        .unwrap_or("https://deb.debian.org/debian")
        .to_owned();
    let keyring = Path::new("/usr/share/keyrings/debian-archive-keyring.gpg");
    let signed = if keyring.exists() {
        format!("[signed-by={}] ", keyring.display())
    } else {
        String::new()
    };
    let list = folder.join("source.list");
    fs::write(&list, format!("deb-src {signed}{site} {codename} main\n"))?;
    let lists = folder.join("lists");
    fs::create_dir_all(lists.join("partial"))?;
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        for (name, path) in [
            ("Dir::Etc::SourceList", &list),
            ("Dir::State::Lists", &lists),
        ] {
            let mut option = OsString::from(format!("{name}="));
            option.push(path);
            command.arg("-o").arg(option);
        }
        command.args(["-o", "Dir::Etc::SourceParts=/dev/null"]);
        command.args(["-o", "APT::Sandbox::User=root", "-q"]);
        command.args(arguments);
        command
    };
    command::output(&mut apt(&["update"])).with_context(|| {
        format!("Debian's list of source packages could not be fetched; {NO_PACKAGE}")
    })?;
    let uris = command::text(&mut apt(&[
        "source",
        "--print-uris",
        "--download-only",
        "firefox-esr",
    ]))
    .with_context(|| format!("Debian has no source package firefox-esr here; {NO_PACKAGE}"))?;
    uris.lines()
        .filter_map(parse_source)
        .find(|source| source.file.ends_with("esr.orig.tar.xz"))
        .with_context(|| {
            format!("the source package firefox-esr has no upstream part; {NO_PACKAGE}")
        })
}

/// A line of `--print-uris`: `'URI' FILE BYTES SHA256:HASH`.
fn parse_source(line: &str) -> Option<Source> {
    let mut words = line.split_whitespace();
    let uri = words.next()?.strip_prefix('\'')?.strip_suffix('\'')?;
    let file = words.next()?;
    let bytes = words.next()?.parse().ok()?;
    let hash = words.next().filter(|hash| hash.starts_with("SHA256:"))?;
    Some(Source {
        uri: uri.to_owned(),
        file: file.to_owned(),
        bytes,
        hash: hash.to_owned(),
    })
}

fn download_and_unpack(source: &Source, folder: &Path, to: &Path) -> Result<()> {
    let archive = folder.join(&source.file);
    let mut download = Command::new(APT_HELPER);
    download
        .args([
            "-o",
            "APT::Sandbox::User=root",
            "download-file",
            &source.uri,
        ])
        .arg(&archive)
        .arg(&source.hash)
        // The standard output is kept for results.
        .stdout(std::io::stderr());
    ensure!(
        command::status(&mut download)?.success(),
        "{} could not be downloaded",
        source.uri
    );
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--xz", "--wildcards"])
        .args(["--strip-components", "1", "--file"])
        .arg(&archive)
        .arg("--directory")
        .arg(to);
    for kept in KEPT {
        tar.arg(format!("*/{TESTS}/{kept}"));
    }
    ensure!(
        command::status(&mut tar)?.success(),
        "{} could not be unpacked; is the disk full?",
        source.file
    );
    Ok(())
}

fn find_tree(unpacked: &Path) -> Result<PathBuf> {
    let tree = unpacked.join(TESTS);
    ensure!(
        tree.join("tools/wptrunner/wptrunner/wptrunner.py")
            .is_file(),
        "the source package has no wptrunner where it was expected; {NO_PACKAGE}"
    );
    Ok(tree)
}

/// Two slips of this tree that keep the stock runner from starting.
fn mend(tree: &Path) -> Result<()> {
    // The tree carries no documentation, which `wpt` takes for one of its packages.
    edit(&tree.join("tools/wpt/paths"), |text| {
        text.lines()
            .filter(|line| *line != "docs/")
            .map(|line| format!("{line}\n"))
            .collect()
    })?;
    // Product `servo` fails to start for want of a keyword argument.
    edit(
        &tree.join("tools/wptrunner/wptrunner/browsers/servo.py"),
        |text| {
            text.replace(
                "NullBrowser.__init__(self, logger)\n",
                "NullBrowser.__init__(self, logger, **kwargs)\n",
            )
        },
    )
}

fn edit(file: &Path, change: impl FnOnce(&str) -> String) -> Result<()> {
    let text = fs::read_to_string(file)?;
    Ok(fs::write(file, change(&text))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_apt_are_understood() {
        let line = "'http://deb.debian.org/f/firefox-esr_1.0esr.orig.tar.xz' firefox-esr_1.0esr.orig.tar.xz 12 SHA256:ab";
        assert_eq!(
            parse_source(line),
            Some(Source {
                uri: "http://deb.debian.org/f/firefox-esr_1.0esr.orig.tar.xz".to_owned(),
                file: "firefox-esr_1.0esr.orig.tar.xz".to_owned(),
                bytes: 12,
                hash: "SHA256:ab".to_owned(),
            })
        );
        for line in [
            "",
            "Reading package lists...",
            "'x' y z SHA256:ab",
            "'x' y 1 MD5Sum:ab",
        ] {
            assert_eq!(parse_source(line), None, "{line}");
        }
    }

    #[test]
    fn the_slips_of_the_tree_are_mended() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let paths = folder.path().join("tools/wpt/paths");
        let servo = folder
            .path()
            .join("tools/wptrunner/wptrunner/browsers/servo.py");
        crate::files::write_if_different(&paths, b"docs/\ntools/\n")?;
        crate::files::write_if_different(&servo, b"    NullBrowser.__init__(self, logger)\n")?;
        mend(folder.path())?;
        assert_eq!(fs::read_to_string(paths)?, "tools/\n");
        assert!(fs::read_to_string(servo)?.contains("**kwargs"));
        Ok(())
    }
}
