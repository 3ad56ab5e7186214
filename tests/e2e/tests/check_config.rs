//! `kiosk check-config`, word by word: what is wrong in a configuration, where, and what is allowed.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use background_sync_e2e::{kiosk_command, kiosk_program, run};

/// A check starts no browser, so it takes none of a browser's flags.
fn check_command() -> Command {
    let mut command = Command::new(kiosk_program());
    command.arg("check-config").stdin(Stdio::null());
    command
}

/// Runs the check in the file's folder, so that its name is short.
fn check(folder: &Path, text: &str) -> Output {
    std::fs::write(folder.join("kiosk.toml"), text).expect("a writable folder");
    run(check_command().arg("kiosk.toml").current_dir(folder))
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// This text has one problem, which is told like this.
fn assert_picture(text: &str, picture: &str) {
    let folder = tempfile::tempdir().expect("a writable folder");
    let output = check(folder.path(), text);
    let expected = format!("{picture}\n\nkiosk: kiosk.toml has 1 problem\n");
    assert_eq!(text_of(&output.stderr), expected);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
}

#[test]
fn a_file_without_faults_is_summed_up() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let text = r#"
url = "https://app.example/"
allowed_origins = ["https://login.example", "https://pay.example:8443"]
window_size = "800x480"
full_screen = true
hide_pointer = false
wait_for_display = true
zoom = 1.5
color_scheme = "dark"
syncs_page = true
profile = "/var/lib/kiosk"
proxy = "http://name:secret@proxy.example:3128"
no_proxy = ["intern.example", "10.0.0.0/8"]
idle_reset_s = 120
answer_limit_s = 20
restart_at = "03:30"

[background_sync]
retry = "every-minute"

[connectivity]
watch = "system"

[metrics]
listen = "127.0.0.1:9464"

[log]
level = "warn"

[traces]
endpoint = "http://127.0.0.1:4318/v1/traces"

[wake]
timer = true
wake_system = true

[[permissions]]
origin = "https://app.example"
notifications = "granted"

[prefs]
dom_webgpu_enabled = true
"#;
    let output = check(folder.path(), text);
    assert_eq!(
        text_of(&output.stdout),
        "kiosk.toml is right
  start page          https://app.example/
  allowed origins     the start page's, https://login.example, https://pay.example:8443
  window              800 x 480 pixels
  full screen         yes
  pointer hidden      no
  waits for display   yes
  zoom                1.5
  syncs page          yes
  profile             /var/lib/kiosk
  proxy               proxy.example:3128
  idle reset          after 120 s without input
  answer limit        20 s for a page
  restart             at 03:30:00, local time
  retries             until one succeeds
  metrics             http://127.0.0.1:9464/metrics
  log                 warn
  traces              http://127.0.0.1:4318/v1/traces
  started for syncs   by a timer of systemd, which wakes the device
  origins permitted   1
  preferences         1
"
    );
    assert!(output.status.success() && output.stderr.is_empty());
}

#[test]
fn an_empty_file_is_right() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let output = check(folder.path(), "");
    assert_eq!(text_of(&output.stdout), "kiosk.toml is right\n");
    assert!(output.status.success());
}

#[test]
fn a_file_that_is_not_there() {
    let output = run(check_command().arg("/no/such/kiosk.toml"));
    assert_eq!(
        text_of(&output.stderr),
        "kiosk: the configuration file /no/such/kiosk.toml can't be read: No such file or directory (os error 2)\n"
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn unknown_keys() {
    assert_picture(
        "[connectivity]\nwach = 'none'\n",
        "error: unknown key `wach`; is `watch` meant?
 --> kiosk.toml:2:1
  |
2 | wach = 'none'
  | ^^^^
  |
  = help: allowed: `watch`, `default_route` and `probe_url`",
    );
    assert_picture(
        "\n[screen]\n",
        "error: unknown key `screen`
 --> kiosk.toml:2:2
  |
2 | [screen]
  |  ^^^^^^
  |
  = help: allowed: `url`, `allowed_origins`, `window_size`, `full_screen`, `hide_pointer`, `wait_for_display`, `zoom`, \
         `color_scheme`, `syncs_page`, `profile`, `certificate_path`, `proxy`, `no_proxy`, `idle_reset_s`, `answer_limit_s`, \
         `restart_at`, \
         `storage_durability`, \
         `notification_display`, `background_sync`, `connectivity`, `metrics`, `log`, `traces`, `wake`, `permissions` \
         and `prefs`",
    );
    assert_picture(
        "[prefs]\nno_such_pref = true\n",
        "error: Servo has no preference `no_such_pref`
 --> kiosk.toml:2:16
  |
2 | no_such_pref = true
  |                ^^^^",
    );
}

#[test]
fn wrong_types() {
    assert_picture(
        "full_screen = 'yes'\n",
        "error: `full_screen`: invalid type: string \"yes\", expected a boolean
 --> kiosk.toml:1:15
  |
1 | full_screen = 'yes'
  |               ^^^^^
  |
  = help: allowed: true or false",
    );
    assert_picture(
        "allowed_origins = 'https://app.example'\n",
        "error: `allowed_origins`: invalid type: string \"https://app.example\", expected a sequence
 --> kiosk.toml:1:19
  |
1 | allowed_origins = 'https://app.example'
  |                   ^^^^^^^^^^^^^^^^^^^^^
  |
  = help: allowed: a list of origins such as \"https://app.example\"",
    );
    assert_picture(
        "connectivity = true\n",
        "error: `connectivity`: this is a boolean
 --> kiosk.toml:1:16
  |
1 | connectivity = true
  |                ^^^^
  |
  = help: allowed: a section, [connectivity]",
    );
    assert_picture(
        "[permissions]\norigin = 'https://app.example'\n",
        "error: `permissions` is no list
 --> kiosk.toml:1:1
  |
1 | [permissions]
  | ^^^^^^^^^^^^^
  |
  = help: allowed: sections, each with [[permissions]]",
    );
    assert_picture(
        "[background_sync]\nevent_cap_ms = '5 s'\n",
        "error: `event_cap_ms`: invalid type: string \"5 s\", expected u64
 --> kiosk.toml:2:16
  |
2 | event_cap_ms = '5 s'
  |                ^^^^^",
    );
}

#[test]
fn impossible_values() {
    for (line, caret, what, allowed) in [
        (
            "url = 'localhost:8080'",
            "      ^^^^^^^^^^^^^^^^",
            "`url`: `localhost:8080` is no address of a page: its scheme is `localhost`",
            "the address of a page, or the path of a file",
        ),
        (
            "zoom = 0",
            "       ^",
            "`zoom`: 0 is not from 0.1 to 10",
            "a number from 0.1 to 10",
        ),
        (
            "window_size = '800'",
            "              ^^^^^",
            "`window_size`: `800` is not a size such as 1024x740 (at most 16384 each way)",
            "\"WIDTHxHEIGHT\" in pixels",
        ),
        (
            "idle_reset_s = 0",
            "               ^",
            "`idle_reset_s`: 0 is not from 1 to 86400",
            "a whole number of seconds from 1 to 86400",
        ),
        (
            "restart_at = '25:00'",
            "             ^^^^^^^",
            "`restart_at`: `25:00` is no time of day",
            "a time from \"00:00\" to \"23:59\"",
        ),
        (
            "proxy = 'socks5://proxy.example'",
            "        ^^^^^^^^^^^^^^^^^^^^^^^^",
            "`proxy`: `socks5://proxy.example` is no proxy such as http://proxy.example:3128",
            "\"http://HOST:PORT\"",
        ),
        (
            "certificate_path = 'kiosk.toml'",
            "                   ^^^^^^^^^^^^",
            "`certificate_path`: kiosk.toml has no certificate",
            "the path of a PEM file with certificates",
        ),
        (
            "notification_display = 'nowhere'",
            "                       ^^^^^^^^^",
            "`notification_display`: unknown variant `nowhere`, expected `window` or `desktop`",
            "\"window\" or \"desktop\"",
        ),
    ] {
        assert_picture(
            line,
            &format!(
                "error: {what}\n --> kiosk.toml:1:{column}\n  |\n1 | {line}\n  | {caret}\n  |\n  = help: allowed: {allowed}",
                column = caret.find('^').expect("a caret") + 1
            ),
        );
    }
}

#[test]
fn an_origin_with_a_path() {
    assert_picture(
        "allowed_origins = ['https://app.example/shop']\n",
        "error: `allowed_origins`: `https://app.example/shop` is not an origin such as https://app.example or \
         http://localhost:8080: it must have no user, path, query or fragment
 --> kiosk.toml:1:19
  |
1 | allowed_origins = ['https://app.example/shop']
  |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: allowed: a list of origins such as \"https://app.example\"",
    );
    assert_picture(
        "[[permissions]]\nnotifications = 'granted'\n",
        "error: `origin` is missing here
 --> kiosk.toml:1:1
  |
1 | [[permissions]]
  | ^^^^^^^^^^^^^^^
  |
  = help: allowed: an origin such as \"https://app.example\"",
    );
}

#[test]
fn what_is_no_toml() {
    assert_picture(
        "url = \n",
        "error: string values must be quoted, expected literal string
 --> kiosk.toml:1:7
  |
1 | url = 
  |       ^",
    );
}

#[test]
fn all_problems_are_told_at_once_and_a_start_tells_the_first() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let text = "zoom = 0\n\nrestart_at = '3:30'\n[background_sync]\nmax_atempts = 3\n";
    let output = check(folder.path(), text);
    let errors = text_of(&output.stderr);
    let places: Vec<_> = errors
        .lines()
        .filter_map(|line| line.trim().strip_prefix("--> "))
        .collect();
    assert_eq!(
        places,
        ["kiosk.toml:1:8", "kiosk.toml:3:14", "kiosk.toml:5:1"]
    );
    assert!(
        errors.ends_with("\n\nkiosk: kiosk.toml has 3 problems\n"),
        "{errors}"
    );

    let mut command = kiosk_command();
    let start = run(command
        .args(["--headless", "--config", "kiosk.toml"])
        .current_dir(folder.path()));
    assert_eq!(
        text_of(&start.stderr),
        "kiosk: the configuration file kiosk.toml, line 1, column 8: `zoom`: 0 is not from 0.1 to 10; allowed: \
         a number from 0.1 to 10 (and 2 more: see `kiosk check-config kiosk.toml`)\n"
    );
    assert_eq!(start.status.code(), Some(2));
}
