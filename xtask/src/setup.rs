//! What Servo needs from the system: found, installed where that is allowed, or named. Servo's own `mach bootstrap` does it
//! in a checkout of Servo, which there is none of here.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use fs_err as fs;

use crate::command::{self, is_on_path};

/// Set where there need be no programs for tests of displays.
const SKIP_DISPLAYS_VARIABLE: &str = "BACKGROUND_SYNC_SKIP_DISPLAYS";
/// The oldest LLVM whose libclang reads SpiderMonkey's headers.
const OLDEST_LLVM: u32 = 16;
/// The LLVM that the project is built with everywhere; another one means compiling everything anew.
const PREFERRED_LLVM: u32 = 19;
/// The oldest Python that runs Servo's code generator.
const OLDEST_PYTHON: (u32, u32) = (3, 11);

/// The libclang that bindgen uses, and the compiler that belongs to it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Llvm {
    /// The folder of `libclang.so`.
    pub library_folder: PathBuf,
    /// The path of `clang`.
    pub clang: PathBuf,
}

/// Something that is missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Need {
    /// For people, on any system.
    what: &'static str,
    /// Debian's packages; empty when no package helps. LLVM's depend on the release.
    packages: &'static [&'static str],
}

const LLVM: Need = Need {
    what: "clang and libclang 16 or newer",
    packages: &[],
};

/// Makes sure that everything is there, and returns the LLVM to use.
pub fn ensure_ready() -> Result<Llvm> {
    ensure_installed("Servo", missing)?;
    find_llvm().with_context(|| format!("after installing, {} is still missing", LLVM.what))
}

/// Makes sure that web-platform-tests can be downloaded and their runner started.
pub fn ensure_ready_for_wpt() -> Result<()> {
    ensure_installed("web-platform-tests", missing_for_wpt)
}

fn ensure_installed(purpose: &str, missing: fn() -> Vec<Need>) -> Result<()> {
    ensure_python()?;
    let needs = missing();
    if needs.is_empty() {
        return Ok(());
    }
    install(purpose, &needs)?;
    let still = missing();
    ensure!(
        still.is_empty(),
        "after installing, this is still missing: {}",
        words(&still)
    );
    Ok(())
}

/// Makes sure that what the end-to-end tests start beside the kiosk is there.
pub fn ensure_ready_for_tests() -> Result<()> {
    const BUS: Need = Need {
        what: "a message bus (dbus-daemon)",
        packages: &["dbus-daemon"],
    };
    const X_SERVER: Need = Need {
        what: "an X server without a screen (Xvfb)",
        packages: &["xvfb"],
    };
    const COMPOSITOR: Need = Need {
        what: "Wayland compositors and a keyboard for them (cage, Xwayland, sway, wtype)",
        packages: &["cage", "xwayland", "sway", "wtype"],
    };
    let mut needs = Vec::new();
    if !is_on_path("dbus-daemon") {
        needs.push(BUS);
    }
    // Without them, a machine can leave the tests of displays out.
    if env::var_os(SKIP_DISPLAYS_VARIABLE).is_none() {
        if !is_on_path("Xvfb") {
            needs.push(X_SERVER);
        }
        if !["cage", "Xwayland", "sway", "wtype"]
            .into_iter()
            .all(is_on_path)
        {
            needs.push(COMPOSITOR);
        }
    }
    match needs.is_empty() {
        true => Ok(()),
        false => install("the end-to-end tests", &needs),
    }
}

fn missing_for_wpt() -> Vec<Need> {
    let python = is_on_path("python3");
    let venv = python && succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"]));
    let needs = [
        (python, "Python 3.11 or newer", &["python3"][..]),
        (venv, "Python's virtual environments", &["python3-venv"][..]),
        (is_on_path("xz"), "xz", &["xz-utils"][..]),
    ];
    let missing = needs.into_iter().filter(|(present, ..)| !present);
    missing
        .map(|(_, what, packages)| Need { what, packages })
        .collect()
}

fn missing() -> Vec<Need> {
    let mut missing = Vec::new();
    let mut need = |present: bool, what, packages| {
        if !present {
            missing.push(Need { what, packages });
        }
    };
    need(is_on_path("git"), "git", &["git"]);
    need(
        is_on_path("cc") && is_on_path("c++"),
        "a C and a C++ compiler",
        &["gcc", "g++"],
    );
    need(is_on_path("make"), "make", &["make"]);
    need(is_on_path("python3"), "Python 3.11 or newer", &["python3"]);
    // SpiderMonkey looks for it under this very name.
    need(is_on_path("llvm-objdump"), "llvm-objdump", &["llvm"]);
    let pkg_config = is_on_path("pkg-config");
    need(pkg_config, "pkg-config", &["pkg-config"]);
    let has =
        |module| pkg_config && succeeds(Command::new("pkg-config").args(["--exists", module]));
    need(
        has("fontconfig"),
        "fontconfig's headers",
        &["libfontconfig1-dev"],
    );
    need(has("freetype2"), "FreeType's headers", &["libfreetype-dev"]);

    let libraries = loadable_libraries();
    let loads = |name: &str| libraries.contains(name);
    need(loads("libEGL.so.1"), "EGL", &["libegl1"]);
    need(
        loads("libEGL_mesa.so.0") && has_software_renderer(),
        "Mesa's software renderer",
        &["libegl-mesa0", "libgl1-mesa-dri"],
    );
    if env::var_os("WAYLAND_DISPLAY").is_some() || env::var_os("DISPLAY").is_some() {
        need(
            loads("libxkbcommon.so.0") && loads("libxkbcommon-x11.so.0"),
            "libxkbcommon, for a window",
            &["libxkbcommon0", "libxkbcommon-x11-0"],
        );
    }
    if find_llvm().is_none() {
        missing.push(LLVM);
    }
    missing
}

fn ensure_python() -> Result<()> {
    if !is_on_path("python3") {
        return Ok(()); // To be installed.
    }
    let (major, minor) = OLDEST_PYTHON;
    let script = format!("import sys; sys.exit(sys.version_info < ({major}, {minor}))");
    ensure!(
        succeeds(Command::new("python3").args(["-c", &script])),
        "the python3 on the PATH is older than {major}.{minor}, which Servo's code generator needs"
    );
    Ok(())
}

/// The LLVM that the environment names, or the preferred one, or the newest.
pub fn find_llvm() -> Option<Llvm> {
    let named = |name| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let (Some(library_folder), Some(clang)) = (named("LIBCLANG_PATH"), named("CLANG_PATH")) {
        return Some(Llvm {
            library_folder,
            clang,
        });
    }
    llvm_below(Path::new("/usr/lib"))
}

fn llvm_below(folder: &Path) -> Option<Llvm> {
    let entries = fs::read_dir(folder).ok()?;
    let mut found: Vec<(u32, Llvm)> = entries
        .flatten()
        .filter_map(|entry| {
            let version = entry
                .file_name()
                .to_str()?
                .strip_prefix("llvm-")?
                .parse()
                .ok()?;
            let llvm = Llvm {
                library_folder: entry.path().join("lib"),
                clang: entry.path().join("bin/clang"),
            };
            let complete = llvm.library_folder.join("libclang.so").exists() && llvm.clang.exists();
            (version >= OLDEST_LLVM && complete).then_some((version, llvm))
        })
        .collect();
    found.sort_by_key(|(version, _)| (*version == PREFERRED_LLVM, *version));
    found.pop().map(|(_, llvm)| llvm)
}

fn has_software_renderer() -> bool {
    let below = |folder: &str| {
        fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
    };
    let mut folders: Vec<PathBuf> = below("/usr/lib").collect();
    folders.extend(["/usr/lib", "/usr/lib64"].map(PathBuf::from));
    folders.iter().any(|folder| {
        folder.join("dri/swrast_dri.so").exists() || folder.join("dri/libdril_dri.so").exists()
    })
}

/// What the dynamic loader knows, as text.
fn loadable_libraries() -> String {
    ["ldconfig", "/sbin/ldconfig"]
        .into_iter()
        .find_map(|program| command::text(Command::new(program).arg("-p")).ok())
        .unwrap_or_default()
}

fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn words(needs: &[Need]) -> String {
    needs
        .iter()
        .map(|need| need.what)
        .collect::<Vec<_>>()
        .join(", ")
}

/// Installs packages, or says which; `purpose` is what they are for.
fn install(purpose: &str, missing: &[Need]) -> Result<()> {
    if !is_on_path("apt-get") {
        bail!(
            "{purpose} needs these, which are missing here: {}; install them with this system's package \
             manager (for an LLVM outside /usr/lib/llvm-*, set LIBCLANG_PATH to the folder of \
             libclang.so, and CLANG_PATH)",
            words(missing)
        );
    }
    let is_root = command::text(Command::new("id").arg("-u")).is_ok_and(|id| id == "0");
    let sudo =
        !is_root && is_on_path("sudo") && succeeds(Command::new("sudo").args(["-n", "true"]));
    if !is_root && !sudo {
        let packages = packages(missing, newest_packaged_llvm());
        bail!(
            "{purpose} needs packages that are missing here; run: sudo apt-get update && sudo apt-get \
             install --no-install-recommends {}",
            packages.join(" ")
        );
    }
    eprintln!("Missing for {purpose}: {}.", words(missing));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new(if sudo { "sudo" } else { "apt-get" });
        if sudo {
            command.args(["-n", "apt-get"]);
        }
        command
            .args(["-q", "-o", "Dpkg::Use-Pty=0"])
            .args(arguments);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        // The standard output is kept for results.
        command.stdout(std::io::stderr());
        command
    };
    // A package list that could not be brought up to date may still do.
    let updated = command::status(&mut apt(&["update"]))?.success();
    let packages = packages(missing, newest_packaged_llvm());
    eprintln!("Installing {}.", packages.join(" "));
    let mut command = apt(&["install", "--yes", "--no-install-recommends"]);
    if !command::status(command.args(&packages))?.success() {
        bail!(
            "apt-get could not install what {purpose} needs{}: apt-get install {}",
            if updated {
                ""
            } else {
                ", nor update its package lists"
            },
            packages.join(" ")
        );
    }
    Ok(())
}

/// The LLVM to install: the preferred one if this release has it, otherwise its newest.
fn newest_packaged_llvm() -> u32 {
    let candidates = [PREFERRED_LLVM, 22, 21, 20, 18, 17, OLDEST_LLVM];
    let is_packaged = |version: &u32| {
        let package = format!("libclang-{version}-dev");
        command::text(
            Command::new("apt-cache")
                .args(["policy", &package])
                .env("LC_ALL", "C"),
        )
        .is_ok_and(|policy| policy.contains("Candidate:") && !policy.contains("(none)"))
    };
    candidates
        .into_iter()
        .find(is_packaged)
        .unwrap_or(PREFERRED_LLVM)
}

fn packages(missing: &[Need], llvm: u32) -> Vec<String> {
    let mut packages: Vec<String> = Vec::new();
    for need in missing {
        packages.extend(need.packages.iter().map(|package| (*package).to_owned()));
        if *need == LLVM {
            packages.extend([format!("clang-{llvm}"), format!("libclang-{llvm}-dev")]);
        }
    }
    packages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::write_if_different;

    fn put(folder: &Path, version: u32, complete: bool) -> Result<()> {
        let llvm = folder.join(format!("llvm-{version}"));
        write_if_different(&llvm.join("bin/clang"), b"")?;
        if complete {
            write_if_different(&llvm.join("lib/libclang.so"), b"")?;
        }
        Ok(())
    }

    #[test]
    fn the_preferred_llvm_wins_over_a_newer_one_and_old_ones_are_ignored() -> Result<()> {
        let folder = tempfile::tempdir()?;
        put(folder.path(), 14, true)?;
        assert_eq!(llvm_below(folder.path()), None);
        put(folder.path(), 18, true)?;
        put(folder.path(), 21, true)?;
        put(folder.path(), 22, false)?;
        let clang = |version: u32| Some(folder.path().join(format!("llvm-{version}/bin/clang")));
        assert_eq!(llvm_below(folder.path()).map(|llvm| llvm.clang), clang(21));
        put(folder.path(), 19, true)?;
        assert_eq!(llvm_below(folder.path()).map(|llvm| llvm.clang), clang(19));
        Ok(())
    }

    #[test]
    fn packages_name_the_llvm_of_this_release() {
        let missing = [
            Need {
                what: "make",
                packages: &["make"],
            },
            LLVM,
        ];
        assert_eq!(
            packages(&missing, 19),
            ["make", "clang-19", "libclang-19-dev"]
        );
    }
}
