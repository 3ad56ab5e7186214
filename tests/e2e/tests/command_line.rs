//! Wrong uses end at once, with one clear sentence and an exit code of their own.

use std::net::TcpListener;
use std::process::Output;

use background_sync_e2e::{Kiosk, TestServer, kiosk_command, run};

const USAGE: i32 = 2;
const ENVIRONMENT: i32 = 3;

fn kiosk(arguments: &[&str]) -> Output {
    run(kiosk_command().arg("--headless").args(arguments))
}

/// The sentence must have these words, and stand alone.
fn assert_sentence(output: &Output, code: i32, words: &[&str]) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    let sentences: Vec<_> = errors
        .lines()
        .filter(|line| line.starts_with("kiosk: "))
        .collect();
    assert_eq!(sentences.len(), 1, "one sentence: {errors}");
    for word in words {
        assert!(sentences[0].contains(word), "no {word:?} in: {errors}");
    }
    assert!(!errors.contains("panicked"), "{errors}");
}

#[test]
fn the_version_begins_with_servos() {
    let output = kiosk(&["--version"]);
    assert!(output.status.success());
    assert!(
        String::from_utf8_lossy(&output.stdout).starts_with("Servo 0."),
        "{output:?}"
    );
}

#[test]
fn an_unknown_flag() {
    let output = kiosk(&["--no-such-flag"]);
    assert_eq!(output.status.code(), Some(USAGE));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("--no-such-flag"),
        "{output:?}"
    );
}

#[test]
fn what_is_no_url() {
    assert_sentence(&kiosk(&["no such page"]), USAGE, &["`no such page`", "URL"]);
}

#[test]
fn an_unknown_preference() {
    assert_sentence(
        &kiosk(&["--pref", "no_such_pref"]),
        USAGE,
        &["no_such_pref"],
    );
    let wrong_type = kiosk(&["--pref", "dom_serviceworker_enabled=7"]);
    assert_sentence(
        &wrong_type,
        USAGE,
        &["dom_serviceworker_enabled", "true or false"],
    );
}

#[test]
fn a_wrong_configuration_names_line_and_field() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let file = folder.path().join("kiosk.toml");
    std::fs::write(&file, "\n[background_sync]\nmax_atempts = 3\n").expect("a writable folder");
    let path = file.to_str().expect("UTF-8");
    assert_sentence(
        &kiosk(&["--config", path]),
        USAGE,
        &["line 3", "max_atempts"],
    );
    std::fs::write(
        &file,
        "[[permissions]]\norigin = 'app.example'\nbackground_sync = 'granted'\n",
    )
    .expect("a writable folder");
    assert_sentence(
        &kiosk(&["--config", path]),
        USAGE,
        &["line 2", "`app.example` is not an origin"],
    );
    std::fs::write(&file, "[connectivity]\nwatch = 'sometimes'\n").expect("a writable folder");
    assert_sentence(
        &kiosk(&["--config", path]),
        USAGE,
        &["line 2", "sometimes", "`system` or `none`"],
    );
    assert_sentence(
        &kiosk(&["--config", "/no/such/file"]),
        USAGE,
        &["/no/such/file"],
    );
}

#[test]
fn certificates_that_are_none() {
    // The engine would go without them.
    for file in ["/no/such/file", "Cargo.toml"] {
        assert_sentence(
            &kiosk(&["--certificate-path", file, "about:blank"]),
            USAGE,
            &["--certificate-path", file],
        );
    }
}

#[test]
fn a_port_in_use() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port().to_string();
    assert_sentence(
        &kiosk(&["--app-port", &port]),
        ENVIRONMENT,
        &[&port, "--app-port"],
    );
    assert_sentence(
        &kiosk(&[&format!("--webdriver={port}"), "about:blank"]),
        ENVIRONMENT,
        &[&port, "--webdriver"],
    );
}

#[test]
fn a_profile_folder_that_cant_be_written() {
    // Nobody, not even root, can make a folder below a file.
    let file = tempfile::NamedTempFile::new().expect("a writable folder");
    let path = file
        .path()
        .join("profile")
        .to_str()
        .expect("UTF-8")
        .to_owned();
    assert_sentence(
        &kiosk(&["--profile", &path]),
        ENVIRONMENT,
        &[&path, "--profile"],
    );
}

#[test]
fn a_profile_folder_in_use() {
    let server = TestServer::start();
    server.serve("/", "text/html", "<!DOCTYPE html><title>x</title>");
    let folder = tempfile::tempdir().expect("a writable folder");
    let path = folder.path().to_str().expect("UTF-8");
    let first = Kiosk::builder()
        .profile(folder.path())
        .open(&server.url("/"));
    assert_sentence(
        &kiosk(&["--profile", path]),
        ENVIRONMENT,
        &["in use by another kiosk"],
    );
    assert!(first.hang_up().success());
}

#[test]
fn a_supervisor_that_is_gone_ends_the_kiosk() {
    let kiosk = Kiosk::builder().open("about:blank");
    assert!(kiosk.hang_up().success());
}

#[test]
fn sigterm_ends_the_kiosk_in_order() {
    let mut kiosk = Kiosk::builder().open("about:blank");
    assert_eq!(kiosk.terminate().code(), Some(130));
}

#[test]
fn a_wrong_command_is_answered_and_harmless() {
    let server = TestServer::start();
    server.serve("/", "text/html", "<!DOCTYPE html><title>x</title>");
    let mut kiosk = Kiosk::builder().open(&server.url("/"));
    kiosk.wait_for("the page to load", |event| event["status"] == "complete");
    for line in ["fly", "eval", "click", "open not-a-url"] {
        let number = kiosk.command(line);
        kiosk.wait_for(line, |event| {
            event["command"] == number && event["error"].is_string()
        });
    }
    assert_eq!(kiosk.evaluate("1 + 1"), 2);
}
