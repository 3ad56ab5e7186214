//! What whoever looks after a device can find out and do, with a kiosk that runs and without one.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use background_sync_e2e::operator::{Told, operate, operator_command};
use background_sync_e2e::{Answer, Kiosk, PAGE, Site, kiosk_program, run};
use serde_json::{Value, json};

const WORKER: &str =
    "self.addEventListener('sync', (event) => event.waitUntil(post('/sync', event.tag)));";

/// Nothing is tried again while a test runs.
const SLOW_RETRIES: &str = "first_retry_delay_ms = 3600000\nretry_jitter_percent = 0\n";

const UNSUCCESSFUL: i32 = 1;
const USAGE: i32 = 2;
const ENVIRONMENT: i32 = 3;

fn open(site: &Site, profile: &Path) -> Kiosk {
    site.open_with(
        Kiosk::builder()
            .background_sync(SLOW_RETRIES)
            .profile(profile),
    )
}

fn profile() -> tempfile::TempDir {
    tempfile::tempdir().expect("a writable folder")
}

fn assert_asked_the_running_kiosk(told: &Told) {
    assert!(
        told.errors.contains("the running kiosk answers"),
        "{told:?}"
    );
}

fn assert_read_the_profile(told: &Told) {
    assert!(told.errors.contains("no kiosk runs"), "{told:?}");
}

#[test]
fn what_waits_and_why_while_the_kiosk_runs() {
    let (site, profile) = (Site::new(WORKER), profile());
    let mut kiosk = open(&site, profile.path());
    let nothing = operate(profile.path(), &["syncs", "list"]);
    assert_eq!(nothing.succeeded(), "Nothing waits to be sent.\n");
    assert_eq!(
        operate(profile.path(), &["syncs", "list", "--json"]).json(),
        json!([])
    );
    kiosk.set_network("offline");
    kiosk.register_sync("send-messages");

    let list = operate(profile.path(), &["syncs", "list"]);
    assert_asked_the_running_kiosk(&list);
    let lines: Vec<_> = list.succeeded().lines().collect();
    let [titles, row] = lines[..] else {
        panic!("{list:?}")
    };
    for title in ["NAME", "APP", "TRIES", "STORED", "WAITS FOR"] {
        assert!(titles.contains(title), "{list:?}");
    }
    assert!(
        row.starts_with("send-messages  ") && row.ends_with("  the network"),
        "{list:?}"
    );
    assert!(!list.text.contains('\u{1b}'), "colors are for terminals");

    let rows = operate(profile.path(), &["syncs", "list", "--json"]).json();
    let origin = site.server.url("");
    assert_eq!(rows[0]["tag"], "send-messages");
    assert_eq!(rows[0]["origin"], origin);
    assert_eq!(rows[0]["scope"], format!("{origin}/"));
    assert_eq!(rows[0]["api"], "one-shot");
    assert_eq!(rows[0]["state"], "pending");
    assert_eq!(rows[0]["why"]["code"], "offline");

    let why = operate(profile.path(), &["syncs", "why", "send-messages"]);
    assert_asked_the_running_kiosk(&why);
    let sentence = "The message waits for the network. It is sent as soon as there is one.";
    assert!(why.succeeded().contains(sentence), "{why:?}");
    assert!(why.text.contains("stored, waits to be sent"), "{why:?}");

    operate(profile.path(), &["syncs", "why", "another"]).assert_refused(
        UNSUCCESSFUL,
        &["`another`", "the journal knows nothing of it"],
    );
}

#[test]
fn what_waits_and_why_without_a_kiosk() {
    let (site, profile) = (Site::new(WORKER), profile());
    let mut kiosk = open(&site, profile.path());
    kiosk.register_sync("first");
    site.server.wait_for(1);
    kiosk.wait_for_sync("finished");
    kiosk.set_network("offline");
    kiosk.register_sync("send-messages");
    kiosk.quit();

    let list = operate(profile.path(), &["syncs", "list"]);
    assert_read_the_profile(&list);
    assert!(list.succeeded().contains("send-messages"), "{list:?}");
    assert!(list.text.contains("the kiosk to run"), "{list:?}");
    let why = operate(profile.path(), &["syncs", "why", "send-messages", "--json"]);
    assert_read_the_profile(&why);
    let row = &why.json()[0];
    assert_eq!(row["why"]["code"], "kiosk-not-running");
    assert_eq!(
        row["why"]["sentence"],
        "The message is stored on this device. It is sent once the kiosk runs and there is a network."
    );
    assert_eq!(row["history"][0]["kind"], "registered");
    let sent = operate(profile.path(), &["syncs", "why", "first"]);
    assert!(
        sent.succeeded().contains("The message was sent. That was "),
        "{sent:?}"
    );
    let journal = operate(profile.path(), &["syncs", "journal", "--last", "1"]);
    assert_read_the_profile(&journal);
    assert_eq!(journal.succeeded().lines().count(), 2, "{journal:?}");

    for command in [
        &["syncs", "dispatch", "send-messages"][..],
        &["screenshot", "/nowhere/page.png"],
        &["reload"],
        &["open", "http://localhost/"],
    ] {
        operate(profile.path(), command)
            .assert_refused(UNSUCCESSFUL, &["the kiosk must be running"]);
    }
    operate(profile.path(), &["status"]).assert_refused(UNSUCCESSFUL, &["no kiosk runs", "1 wait"]);
    // Looking has changed nothing.
    open(&site, profile.path());
    site.server.wait_for(2);
}

#[test]
fn what_is_asked_for_is_sent_now() {
    let (site, profile) = (Site::new(WORKER), profile());
    let mut kiosk = open(&site, profile.path());
    site.server.answer_next([Answer::Status(503)]);
    kiosk.register_sync("send-messages");
    kiosk.wait_for_sync("finished");
    let why = operate(profile.path(), &["syncs", "why", "send-messages"]);
    let sentence = "The message could not be delivered in 1 try. The next one is in 60 min.";
    assert!(why.succeeded().contains(sentence), "{why:?}");

    site.server.answer_next([Answer::Status(503)]);
    let failed = operate(profile.path(), &["syncs", "dispatch", "send-messages"]);
    assert_eq!(failed.code, Some(UNSUCCESSFUL), "{failed:?}");
    assert_eq!(failed.text, "It was not delivered.\n");
    let sent = operate(
        profile.path(),
        &["syncs", "dispatch", "send-messages", "--json"],
    );
    assert_eq!(sent.json()["outcome"], "fulfilled");
    assert_eq!(site.server.received().len(), 3);
    operate(profile.path(), &["syncs", "dispatch", "send-messages"])
        .assert_refused(UNSUCCESSFUL, &["nothing with the name `send-messages`"]);
}

#[test]
fn one_of_two_with_the_same_name() {
    let (site, profile) = (Site::new(WORKER), profile());
    let mut kiosk = site.open_with(
        Kiosk::builder()
            .background_sync(SLOW_RETRIES)
            .profile(profile.path())
            .flag("--pref")
            .flag("dom_background_sync_explainer_enabled=true"),
    );
    kiosk.set_network("offline");
    kiosk.register_sync("twice");
    kiosk
        .settle("navigator.sync.register('twice')")
        .expect("registered");
    let why = operate(profile.path(), &["syncs", "why", "twice", "--json"]).json();
    assert_eq!(why.as_array().map(Vec::len), Some(2), "{why}");
    operate(profile.path(), &["syncs", "dispatch", "twice"]).assert_refused(
        UNSUCCESSFUL,
        &["2 things", "--api one-shot", "--api explainer"],
    );
    let one = operate(
        profile.path(),
        &["syncs", "why", "twice", "--api", "explainer", "--json"],
    );
    assert_eq!(one.json()[0]["api"], "explainer");
    let scope = site.server.url("/other/");
    operate(
        profile.path(),
        &["syncs", "why", "twice", "--scope", &scope],
    )
    .assert_refused(UNSUCCESSFUL, &["nothing with the name `twice`"]);
}

/// Registers a sync of the site and one of another origin; returns the kiosk.
fn with_two_origins(site: &Site, other: &Site, profile: &Path) -> Kiosk {
    let mut kiosk = open(site, profile);
    kiosk.command(&format!("open {}", other.server.url("/")));
    kiosk.wait_for_console("page ready");
    kiosk.set_network("offline");
    kiosk.register_sync("other");
    kiosk.set_network("online");
    // Its page and worker are there again, and what waits is held back.
    other.server.wait_for(1);
    kiosk.wait_for_sync("finished");
    kiosk.command(&format!("open {}", site.server.url("/")));
    kiosk.wait_for_console("page ready");
    kiosk.set_network("offline");
    for number in 0..20 {
        kiosk.register_sync(&format!("message-{number}"));
    }
    kiosk
}

fn waiting(profile: &Path) -> Vec<String> {
    let rows = operate(profile, &["syncs", "list", "--json"]).json();
    let tags = rows.as_array().expect("a list").iter();
    tags.map(|row| row["tag"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn an_origin_is_cleared_while_the_kiosk_runs() {
    let (site, other, profile) = (Site::new(WORKER), Site::new(WORKER), profile());
    other.server.answer_next([Answer::Status(503)]);
    let kiosk = with_two_origins(&site, &other, profile.path());
    assert_eq!(waiting(profile.path()).len(), 21);
    operate(profile.path(), &["syncs", "clear", "no origin"])
        .assert_refused(UNSUCCESSFUL, &["`no origin` is not an origin"]);
    let cleared = operate(profile.path(), &["syncs", "clear", &site.server.url("")]);
    assert_asked_the_running_kiosk(&cleared);
    assert_eq!(
        cleared.succeeded(),
        "Dropped: 20. They are not sent any more.\n"
    );
    assert_eq!(waiting(profile.path()), ["other"]);
    let why = operate(profile.path(), &["syncs", "why", "message-7"]);
    assert!(
        why.succeeded()
            .contains("was dropped by whoever looks after this device"),
        "{why:?}"
    );
    kiosk.quit();
    assert_eq!(waiting(profile.path()), ["other"], "it is durable");
}

#[test]
fn an_origin_is_cleared_without_a_kiosk() {
    let (site, other, profile) = (Site::new(WORKER), Site::new(WORKER), profile());
    other.server.answer_next([Answer::Status(503)]);
    with_two_origins(&site, &other, profile.path()).quit();
    let cleared = operate(
        profile.path(),
        &["syncs", "clear", &site.server.url(""), "--json"],
    );
    assert_read_the_profile(&cleared);
    assert_eq!(cleared.json(), json!({"removed": 20}));
    let why = operate(profile.path(), &["syncs", "why", "message-7"]);
    assert!(
        why.succeeded()
            .contains("was dropped by whoever looks after this device"),
        "{why:?}"
    );
    // The next kiosk takes over what is left, and goes on with the journal.
    let mut kiosk = Kiosk::builder()
        .background_sync(SLOW_RETRIES)
        .profile(profile.path())
        .open("about:blank");
    let restored = kiosk.wait_for_sync("restored");
    assert_eq!(restored["count"], 1);
    let journal = operate(profile.path(), &["syncs", "journal", "--json"]);
    let sequences: Vec<_> = journal
        .succeeded()
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["sequence"].as_u64())
        .collect();
    assert!(sequences.is_sorted_by(|a, b| a < b), "{journal:?}");
    assert!(
        site.server.received().is_empty(),
        "they are not sent any more"
    );
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
    // Nothing was ever stored here.
    assert_eq!(
        operate(profile.path(), &["syncs", "list", "--json"]).json(),
        json!([])
    );
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
