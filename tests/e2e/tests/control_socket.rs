//! The control socket: for the user of the kiosk alone, within limits, and out of reach of every page.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use background_sync_e2e::listening::addresses_of;
use background_sync_e2e::operator::{ControlSocket, operate};
use background_sync_e2e::{Kiosk, Site, run};
use serde_json::{Value, json};

const WORKER: &str = "onsync = () => {};";

/// As many connections as the kiosk serves at the same time.
const MAX_CONNECTIONS: usize = 16;

/// Bytes that a request may have.
const MAX_REQUEST_BYTES: usize = 512 * 1024;

/// Where the test that runs as another user finds the socket.
const ADDRESS: &str = "BACKGROUND_SYNC_TEST_CONTROL_SOCKET";

fn profile() -> tempfile::TempDir {
    tempfile::tempdir().expect("a writable folder")
}

fn open(profile: &Path) -> Kiosk {
    Kiosk::builder().profile(profile).open("about:blank")
}

fn status() -> Value {
    json!({"request": "status"})
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

#[test]
fn only_the_owner_can_open_the_socket() {
    let folder = profile();
    let profile = folder.path().join("profile");
    let kiosk = open(&profile);
    let mode = |path: &Path| fs::symlink_metadata(path).expect("it is there").mode() & 0o777;
    assert_eq!(mode(&profile), 0o700);
    let socket = profile.join("control.sock");
    assert!(
        fs::symlink_metadata(&socket)
            .expect("it is there")
            .file_type()
            .is_socket()
    );
    assert_eq!(mode(&socket), 0o600);
    kiosk.quit();
    assert!(!socket.exists(), "it goes with the kiosk");
}

/// What another user gets, who connects and asks: the error of `connect()`, or all that the kiosk says.
fn as_another_user(program: &Path, socket: &Path) -> String {
    let output = run(Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program)
        .args(["another_user_is_refused", "--exact", "--nocapture"])
        .env(ADDRESS, socket));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    let told = text
        .lines()
        .find_map(|line| line.split_once("another user: "));
    told.expect("it has told").1.to_owned()
}

/// Runs once more as another user.
fn ask_as_another_user(socket: &Path) {
    let told = match UnixStream::connect(socket) {
        Err(error) => format!("{:?}", error.kind()),
        Ok(mut stream) => {
            // It may be closed already.
            let _ = stream.write_all(b"{\"request\":\"status\"}\n");
            let lines = BufReader::new(stream).lines();
            lines.map_while(Result::ok).collect::<Vec<_>>().join("; ")
        }
    };
    println!("another user: {told}");
}

#[test]
fn another_user_is_refused() {
    if let Some(socket) = env::var_os(ADDRESS) {
        return ask_as_another_user(Path::new(&socket));
    }
    let folder = profile();
    if fs::metadata(folder.path()).expect("it is there").uid() != 0 {
        eprintln!("skipped: another_user_is_refused: only root can become another user");
        return;
    }
    // Where that user can run it.
    set_mode(folder.path(), 0o755);
    let program = folder.path().join("test");
    fs::copy(env::current_exe().expect("it runs"), &program).expect("a writable folder");
    set_mode(&program, 0o755);
    let profile = folder.path().join("profile");
    let _kiosk = open(&profile);
    let socket = profile.join("control.sock");

    // The folder's permissions, the socket's own, and what the kiosk itself looks at: each refuses alone.
    assert_eq!(as_another_user(&program, &socket), "PermissionDenied");
    set_mode(&profile, 0o755);
    assert_eq!(as_another_user(&program, &socket), "PermissionDenied");
    set_mode(&socket, 0o666);
    assert_eq!(
        as_another_user(&program, &socket),
        r#"{"error":"the kiosk belongs to another user"}"#
    );
    // It serves its own user as before, and has served nobody else.
    let answer = ControlSocket::connect(&profile).ask(&status());
    assert_eq!(answer["ok"]["connections"], 1, "{answer}");

    // A profile of somebody else's is left alone, even by root, whose files its owner could not use.
    let others = folder.path().join("others");
    fs::create_dir(&others).expect("a writable folder");
    let chown = Command::new("chown").arg("65534").arg(&others).status();
    assert!(chown.expect("chown exists").success());
    operate(&others, &["syncs", "list"]).assert_refused(3, &["another user", "sudo -u '#65534'"]);
    assert_eq!(fs::read_dir(&others).expect("it is there").count(), 0);
}

#[test]
fn nothing_listens_on_a_network_interface() {
    let profile = profile();
    let site = Site::new(WORKER);
    let kiosk = site.open_with(Kiosk::builder().profile(profile.path()));
    let _follower = ControlSocket::connect(profile.path());
    assert_eq!(addresses_of(kiosk.id()), [""; 0]);
    // The test's own server would have been found.
    let own = addresses_of(std::process::id());
    let port = format!("{:04X}", site.server.port());
    assert!(
        own.iter().any(|address| address.ends_with(&port)),
        "{own:?}"
    );
}

#[test]
fn what_a_killed_kiosk_has_left_is_replaced() {
    let profile = profile();
    let mut kiosk = open(profile.path());
    kiosk.kill();
    let socket = profile.path().join("control.sock");
    assert!(socket.exists(), "it was killed");
    operate(profile.path(), &["status"]).assert_refused(1, &["no kiosk runs"]);
    let kiosk = open(profile.path());
    let status = operate(profile.path(), &["status", "--json"]).json();
    assert_eq!(status["pid"], kiosk.id());
}

#[test]
fn a_profile_may_have_a_long_path() {
    let folder = profile();
    let profile = folder.path().join("p".repeat(100)).join("q".repeat(100));
    let kiosk = open(&profile);
    let status = operate(&profile, &["status", "--json"]).json();
    assert_eq!(status["pid"], kiosk.id());
}

#[test]
fn there_is_none_where_it_is_not_wanted() {
    let (first, second) = (profile(), profile());
    let _temporary = Kiosk::builder().temporary(first.path()).open("about:blank");
    let made = fs::read_dir(first.path()).expect("it is there").flatten();
    for folder in made {
        assert!(!folder.path().join("control.sock").exists());
    }
    let builder = Kiosk::builder().profile(second.path());
    let _without = builder.flag("--no-control-socket").open("about:blank");
    assert!(!second.path().join("control.sock").exists());
    operate(second.path(), &["status"]).assert_refused(3, &["--no-control-socket"]);
}

#[test]
fn a_folder_in_which_others_can_write_has_no_socket() {
    let profile = profile();
    set_mode(profile.path(), 0o770);
    let kiosk = open(profile.path());
    assert!(!profile.path().join("control.sock").exists());
    // It does what else it does.
    kiosk.quit();
}

#[test]
fn what_can_t_be_understood_is_answered_and_harmless() {
    let profile = profile();
    let _kiosk = open(profile.path());
    let mut socket = ControlSocket::connect(profile.path());
    for line in [
        "\n",
        "fly\n",
        "{\"request\":\"fly\"}\n",
        "\u{0}\n",
        "[[[[\n",
    ] {
        socket.send(line.as_bytes()).expect("the kiosk reads");
        let answer = socket.next_line().expect("an answer");
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(
            error.contains("can't understand the request"),
            "{line:?}: {answer}"
        );
    }
    socket.send(b"\xff\xfe\n").expect("the kiosk reads");
    assert!(socket.next_line().expect("an answer")["error"].is_string());
    assert!(socket.ask(&status())["ok"]["pid"].is_number());
}

#[test]
fn a_request_has_a_limit() {
    let profile = profile();
    let _kiosk = open(profile.path());
    let mut socket = ControlSocket::connect(profile.path());
    let request = json!({"request": "open", "url": "x".repeat(MAX_REQUEST_BYTES)});
    // The kiosk reads no more than it must, and may have closed the connection before all is sent.
    let _ = socket.send(format!("{request}\n").as_bytes());
    let answer = socket.next_line().expect("it says why");
    assert!(
        answer["error"]
            .as_str()
            .is_some_and(|it| it.contains("524288 bytes")),
        "{answer}"
    );
    assert_eq!(socket.next_line(), None, "and nothing more");
}

#[test]
fn connections_have_a_limit() {
    let profile = profile();
    let _kiosk = open(profile.path());
    let mut served: Vec<_> = (0..MAX_CONNECTIONS)
        .map(|_| ControlSocket::connect(profile.path()))
        .collect();
    for socket in &mut served {
        assert!(socket.ask(&status())["ok"].is_object());
    }
    let mut refused = ControlSocket::connect(profile.path());
    let answer = refused.next_line().expect("it says why");
    assert!(
        answer["error"]
            .as_str()
            .is_some_and(|it| it.contains("too many others")),
        "{answer}"
    );
    assert_eq!(refused.next_line(), None);
    served.pop();
    // Its place is free once the kiosk has seen that it is gone.
    let deadline = std::time::Instant::now() + background_sync_e2e::PATIENCE;
    loop {
        let mut socket = ControlSocket::connect(profile.path());
        let _ = socket.send(format!("{}\n", status()).as_bytes());
        if socket
            .next_line()
            .is_some_and(|answer| answer["ok"].is_object())
        {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "no place gets free");
    }
}

#[test]
fn a_client_that_does_not_read_holds_nobody_up() {
    let profile = profile();
    let site = Site::new("onsync = (event) => event.waitUntil(Promise.resolve());");
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    let mut followers: Vec<_> = (0..4)
        .map(|_| ControlSocket::connect(profile.path()))
        .collect();
    for follower in &mut followers {
        follower
            .send(b"{\"request\":\"follow-journal\"}\n")
            .expect("the kiosk reads");
    }
    let mut greedy = ControlSocket::connect(profile.path());
    greedy
        .send("{\"request\":\"journal\"}\n".repeat(1_000).as_bytes())
        .expect("the system takes it");
    let mut half = ControlSocket::connect(profile.path());
    half.send(b"{\"request\":").expect("the kiosk reads");
    for number in 0..200 {
        kiosk.register_sync(&format!("{number}-{}", "x".repeat(5_000)));
    }
    let answer = ControlSocket::connect(profile.path()).ask(&status());
    assert!(answer["ok"]["pid"].is_number(), "{answer}");
    assert_eq!(kiosk.evaluate("1 + 1"), 2);
    half.send(b"\"status\"}\n").expect("the kiosk reads");
    assert!(half.next_line().expect("an answer")["ok"].is_object());
}
