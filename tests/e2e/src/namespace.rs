//! A network and file systems of the test's own: interfaces that come and go, a disk that is full.

use std::path::Path;
use std::process::{Command, ExitStatus, Output};

/// Set inside the namespace.
const INSIDE: &str = "BACKGROUND_SYNC_TEST_NAMESPACE";

/// Says that this machine need not be able to make one.
const SKIP: &str = "BACKGROUND_SYNC_SKIP_NAMESPACES";

/// Runs a test of this program again in namespaces for network and mounts, where it may do as it likes; `name` is the test's. That
/// takes root or unprivileged user namespaces, and the commands `unshare` and `ip`.
///
/// # Panics
/// If the test fails there, or if there can be no namespace, unless `BACKGROUND_SYNC_SKIP_NAMESPACES` is set.
pub fn in_namespace(name: &str, scenario: fn()) {
    if std::env::var_os(INSIDE).is_some() {
        ip("link set lo up");
        return scenario();
    }
    let mut command = match this_program_in_namespaces() {
        Ok(command) => command,
        Err(reason) => return leave_out(name, &format!("no network namespace: {reason}")),
    };
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]);
    let output = command.output().expect("it ran before");
    assert!(output.status.success(), "{}", both(&output));
    // For `--nocapture`.
    print!("{}", both(&output));
}

/// Runs this program again in such namespaces, with the arguments that it has; `None` if it is there already.
///
/// # Errors
/// Why there can be no namespace.
pub fn again_in_namespace() -> Result<Option<ExitStatus>, String> {
    if std::env::var_os(INSIDE).is_some() {
        ip("link set lo up");
        return Ok(None);
    }
    let mut command = this_program_in_namespaces()?;
    command.args(std::env::args_os().skip(1));
    let status = command.status().map_err(|error| error.to_string())?;
    Ok(Some(status))
}

/// Ends a test that this machine can't run.
///
/// # Panics
/// Unless `BACKGROUND_SYNC_SKIP_NAMESPACES` is set.
pub fn leave_out(name: &str, reason: &str) {
    assert!(
        std::env::var_os(SKIP).is_some(),
        "{reason}; allow that, or set {SKIP}=1 to leave such tests out"
    );
    eprintln!("skipped: {name}: {reason}");
}

fn this_program_in_namespaces() -> Result<Command, String> {
    let unshare = namespace_command()?;
    let program = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new(unshare[0]);
    command.args(&unshare[1..]).arg(program).env(INSIDE, "1");
    Ok(command)
}

/// Runs `ip`, the command.
///
/// # Panics
/// If it fails.
pub fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    let output = output.expect("ip is installed");
    assert!(output.status.success(), "ip {arguments}: {}", both(&output));
}

/// Mounts a file system in memory, of so many MiB.
///
/// # Panics
/// If that fails: outside a namespace, say.
pub fn mount_small_disk(folder: &Path, mebibytes: u32) {
    let output = Command::new("mount")
        .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"])
        .arg(folder)
        .output()
        .expect("mount is installed");
    assert!(output.status.success(), "{}", both(&output));
}

/// How this user may make a network namespace with interfaces in it.
fn namespace_command() -> Result<Vec<&'static str>, String> {
    let ways = [
        vec!["unshare", "--net", "--mount"],
        vec!["unshare", "--user", "--map-root-user", "--net", "--mount"],
    ];
    let mut reason = String::new();
    for way in ways {
        let mut command = Command::new(way[0]);
        command.args(&way[1..]);
        command.args(["ip", "link", "add", "trial0", "type", "veth"]);
        match command.output() {
            Ok(output) if output.status.success() => return Ok(way),
            Ok(output) => reason = format!("`{}` says: {}", way.join(" "), both(&output).trim()),
            Err(error) => reason = format!("`{}` cannot be run: {error}", way[0]),
        }
    }
    Err(reason)
}

fn both(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}
