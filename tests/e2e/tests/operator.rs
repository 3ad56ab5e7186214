//! What else whoever looks after a device finds out and does: the journal, the kiosk's state, a picture; and how it looks in a
//! terminal.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use background_sync_e2e::operator::{Told, operate, operator_command};
use background_sync_e2e::{Kiosk, PAGE, Site, kiosk_program, run};
use serde_json::{Value, json};

const WORKER: &str =
    "self.addEventListener('sync', (event) => event.waitUntil(post('/sync', event.tag)));";

const UNSUCCESSFUL: i32 = 1;
const USAGE: i32 = 2;
const ENVIRONMENT: i32 = 3;

fn open(site: &Site, profile: &Path) -> Kiosk {
    site.open_with(Kiosk::builder().profile(profile))
}

fn profile() -> tempfile::TempDir {
    tempfile::tempdir().expect("a writable folder")
}

#[test]
fn the_journal_is_followed_until_the_kiosk_ends() {
    let (site, profile) = (Site::new(WORKER), profile());
    let mut kiosk = open(&site, profile.path());
    let mut follower =
        operator_command(profile.path(), &["syncs", "journal", "--follow", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the kiosk's program can be started");
    let stdout = follower.stdout.take().expect("piped");
    let mut lines = BufReader::new(stdout)
        .lines()
        .map_while(Result::ok)
        .map(|line| serde_json::from_str::<Value>(&line).expect("a line of JSON"));
    // It has what has happened already.
    assert!(lines.any(|row| row["kind"] == "restored"));
    kiosk.register_sync("followed");
    let mut sequences = Vec::new();
    let about_it = lines
        .by_ref()
        .inspect(|row| sequences.push(row["sequence"].as_u64()))
        .filter(|row| row["tag"] == "followed");
    let kinds: Vec<_> = about_it
        .map(|row| row["kind"].as_str().unwrap_or_default().to_owned())
        .take(3)
        .collect();
    assert_eq!(kinds, ["registered", "dispatched", "finished"]);
    assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    kiosk.quit();
    assert_eq!(lines.count(), 0, "nothing more");
    let ended = Told::new(follower.wait_with_output().expect("it can be waited for"));
    ended.assert_refused(UNSUCCESSFUL, &["the kiosk"]);
}

#[test]
fn status_screenshot_reload_and_open() {
    let (site, profile) = (Site::new(WORKER), profile());
    let mut kiosk = open(&site, profile.path());
    let status = operate(profile.path(), &["status", "--json"]).json();
    assert_eq!(status["running"], true);
    assert_eq!(status["pid"], kiosk.id());
    assert_eq!(status["url"], site.server.url("/"));
    assert_eq!(status["network"], "up");
    assert_eq!(status["syncs"], 0);
    let text = operate(profile.path(), &["status"]);
    assert!(text.succeeded().contains(&site.server.url("/")), "{text:?}");

    let file = profile.path().join("page.png");
    let path = file.to_str().expect("UTF-8");
    let _ = operate(profile.path(), &["screenshot", path]).succeeded();
    let picture = std::fs::read(&file).expect("it was written");
    assert!(picture.starts_with(b"\x89PNG") && picture.ends_with(b"IEND\xaeB\x60\x82"));
    operate(profile.path(), &["screenshot", "/nowhere/page.png"])
        .assert_refused(ENVIRONMENT, &["/nowhere/page.png can't be written"]);

    let _ = operate(profile.path(), &["reload"]).succeeded();
    kiosk.wait_for_console("page ready");
    site.server.serve("/second", "text/html", PAGE);
    let second = site.server.url("/second");
    let _ = operate(profile.path(), &["open", &second]).succeeded();
    kiosk.wait_for_console("page ready");
    assert_eq!(
        operate(profile.path(), &["status", "--json"]).json()["url"],
        second
    );
    operate(profile.path(), &["open", "nowhere"])
        .assert_refused(USAGE, &["`nowhere` is not a URL"]);

    kiosk.close_window();
    assert_eq!(
        operate(profile.path(), &["status", "--json"]).json()["url"],
        Value::Null
    );
    for command in [&["reload"][..], &["screenshot", path]] {
        operate(profile.path(), command).assert_refused(UNSUCCESSFUL, &["no window is open"]);
    }
    let _ = operate(profile.path(), &["open", &site.server.url("/")]).succeeded();
    kiosk.wait_for_console("page ready");
}

#[test]
fn a_hostile_name_steers_no_terminal() {
    let (site, profile) = (Site::new(WORKER), profile());
    let mut kiosk = open(&site, profile.path());
    kiosk.set_network("offline");
    kiosk.register_sync(r"\u001b[2J\u001b]0;title\u0007\n\u202e\ud800");
    for command in [&["syncs", "list"][..], &["syncs", "journal"]] {
        let told = operate(profile.path(), command);
        assert!(
            told.succeeded()
                .contains(r"\u{1b}[2J\u{1b}]0;title\u{7}\u{a}\u{202e}"),
            "{told:?}"
        );
        assert!(!told.text.contains(['\u{1b}', '\u{202e}']), "{told:?}");
    }
    let tag = operate(profile.path(), &["syncs", "list", "--json"]).json()[0]["tag"].clone();
    assert_eq!(tag, "\u{1b}[2J\u{1b}]0;title\u{7}\n\u{202e}\u{fffd}");
    let name = tag.as_str().expect("a string");
    assert!(
        operate(profile.path(), &["syncs", "why", name])
            .succeeded()
            .contains("network")
    );
}

/// Runs a command in a terminal that is so wide; returns the lines.
fn in_terminal(columns: u32, profile: &Path, words: &str, variables: &str) -> Vec<String> {
    let (kiosk, profile) = (kiosk_program(), profile.display());
    let line = format!(
        "stty rows 24 cols {columns}; {variables} {} {words} --profile {profile} 2>/dev/null",
        kiosk.display()
    );
    // Of util-linux: it makes a terminal.
    let output = run(Command::new("script")
        .args(["-q", "-c", &line, "/dev/null"])
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .stdin(Stdio::null()));
    let text = Told::new(output).succeeded().replace('\r', "");
    text.lines().map(str::to_owned).collect()
}

/// Without what colors it.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').expect("only colors").1;
    }
    plain + rest
}

#[test]
fn tables_fit_the_terminal() {
    let (site, profile) = (Site::new(WORKER), profile());
    let mut kiosk = open(&site, profile.path());
    kiosk.set_network("offline");
    kiosk.register_sync("a-name-that-is-longer-than-anybody-would-like-it-to-be-in-a-table");
    for words in ["syncs list", "syncs journal"] {
        let lines = in_terminal(60, profile.path(), words, "");
        assert!(lines.len() >= 2, "{lines:?}");
        for line in lines.iter().map(|line| plain(line)) {
            assert!(line.chars().count() <= 60, "{line}");
        }
        assert!(lines.iter().any(|line| line.contains('…')), "{lines:?}");
        assert!(
            lines[0].contains('\u{1b}'),
            "colors in a terminal: {lines:?}"
        );
        let lines = in_terminal(200, profile.path(), words, "NO_COLOR=1");
        assert!(
            !lines.iter().any(|line| line.contains('\u{1b}')),
            "{lines:?}"
        );
    }
}

#[test]
fn wrong_commands_are_explained() {
    let profile = profile();
    for (words, word) in [
        (&["syncs"][..], "Usage"),
        (&["syncs", "fly"], "fly"),
        (&["status", "http://localhost/"], "http://localhost/"),
        (
            &["syncs", "why", "a", "--api", "two-shot"],
            "one-shot, periodic, explainer",
        ),
    ] {
        let told = operate(profile.path(), words);
        assert_eq!(told.code, Some(USAGE), "{told:?}");
        assert!(told.errors.contains(word), "{told:?}");
    }
    let missing = profile.path().join("missing");
    operate(&missing, &["syncs", "list"])
        .assert_refused(ENVIRONMENT, &["missing", "there is none", "--profile"]);
    assert!(!missing.exists(), "nothing is made");
    // Nothing was ever stored here. What a command is for may come before it.
    let first = run(Command::new(kiosk_program())
        .arg("--profile")
        .arg(profile.path())
        .args(["syncs", "list", "--json"]));
    assert_eq!(Told::new(first).json(), json!([]));
    assert_eq!(
        operate(profile.path(), &["syncs", "list", "--json"]).json(),
        json!([])
    );
}

#[test]
fn a_command_that_nobody_reads_keeps_no_profile() {
    let (site, profile) = (Site::new(WORKER), profile());
    let mut kiosk = open(&site, profile.path());
    // More than a pipe takes.
    for number in 0..40 {
        kiosk.register_sync(&format!("{number}-{}", "x".repeat(5_000)));
    }
    site.server.wait_for(40);
    kiosk.quit();
    let mut unread = operator_command(profile.path(), &["syncs", "journal"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the kiosk's program can be started");
    let mut lines = BufReader::new(unread.stdout.take().expect("piped")).lines();
    assert!(lines.next().is_some_and(|line| line.is_ok()), "it answers");
    open(&site, profile.path()).quit();
    assert!(lines.count() > 40);
    assert!(unread.wait().expect("a child can be waited for").success());
}

#[test]
fn a_kiosk_waits_for_a_command_that_reads_its_profile() {
    let profile = profile();
    let lock = File::create(profile.path().join("kiosk.lock")).expect("a writable folder");
    lock.lock().expect("nobody has it");
    let path = profile.path().to_owned();
    let starting = thread::spawn(move || Kiosk::builder().profile(&path).open("about:blank"));
    // The kiosk, below a thread of this process, has looked at the lock.
    let deadline = std::time::Instant::now() + background_sync_e2e::PATIENCE;
    while !somebody_else_has_open(&profile.path().join("kiosk.lock")) {
        assert!(std::time::Instant::now() < deadline, "the kiosk starts");
        thread::yield_now();
    }
    lock.unlock().expect("it is held");
    starting.join().expect("it has started").quit();
}

fn somebody_else_has_open(file: &Path) -> bool {
    let processes = std::fs::read_dir("/proc").expect("there is /proc");
    processes.flatten().any(|process| {
        let is_other = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
            != Some(std::process::id());
        let open = std::fs::read_dir(process.path().join("fd"));
        is_other
            && open.is_ok_and(|open| {
                open.flatten().any(|descriptor| {
                    std::fs::read_link(descriptor.path()).is_ok_and(|it| it == file)
                })
            })
    })
}
