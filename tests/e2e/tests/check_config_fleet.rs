//! `kiosk check-config`, word by word: the sections for whoever looks after many kiosks.

use std::process::{Command, Stdio};

use background_sync_e2e::{kiosk_program, run};

/// This text has one problem, which is told like this.
fn assert_picture(text: &str, picture: &str) {
    let folder = tempfile::tempdir().expect("a writable folder");
    std::fs::write(folder.path().join("kiosk.toml"), text).expect("a writable folder");
    let output = run(Command::new(kiosk_program())
        .args(["check-config", "kiosk.toml"])
        .current_dir(folder.path())
        .stdin(Stdio::null()));
    let told = String::from_utf8(output.stderr).expect("text");
    let expected = format!("{picture}\n\nkiosk: kiosk.toml has 1 problem\n");
    assert_eq!(told, expected);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn metrics_are_for_this_machine_only() {
    assert_picture(
        "[metrics]\nlisten = '0.0.0.0:9464'\n",
        "error: `listen`: 0.0.0.0 is not an address of this machine alone: others could connect to it
 --> kiosk.toml:2:10
  |
2 | listen = '0.0.0.0:9464'
  |          ^^^^^^^^^^^^^^
  |
  = help: allowed: an address of this machine alone and a port, \"127.0.0.1:9464\" say",
    );
    assert_picture(
        "[metrics]\nlisten = 'localhost:9464'\n",
        "error: `listen`: `localhost:9464` is no address and port such as 127.0.0.1:9464
 --> kiosk.toml:2:10
  |
2 | listen = 'localhost:9464'
  |          ^^^^^^^^^^^^^^^^
  |
  = help: allowed: an address of this machine alone and a port, \"127.0.0.1:9464\" say",
    );
}

#[test]
fn levels_of_the_log() {
    assert_picture(
        "[log]\nlevel = 'loud'\n",
        "error: `level`: unknown variant `loud`, expected one of `off`, `error`, `warn`, `info`, `debug`
 --> kiosk.toml:2:9
  |
2 | level = 'loud'
  |         ^^^^^^
  |
  = help: allowed: \"off\", \"error\", \"warn\", \"info\" or \"debug\"",
    );
}

#[test]
fn collectors_of_traces() {
    assert_picture(
        "[traces]\nendpoint = 'https://collector.example/v1/traces'\n",
        "error: `endpoint`: `https://collector.example/v1/traces` is no address such as http://127.0.0.1:4318/v1/traces
 --> kiosk.toml:2:12
  |
2 | endpoint = 'https://collector.example/v1/traces'
  |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  |
  = help: allowed: the http: address of a collector, \"http://127.0.0.1:4318/v1/traces\" say",
    );
    assert_picture(
        "[traces]\ninstance = 'shop-12'\n",
        "error: `endpoint` is missing here
 --> kiosk.toml:1:1
  |
1 | [traces]
  | ^^^^^^^^
  |
  = help: allowed: the http: address of a collector, \"http://127.0.0.1:4318/v1/traces\" say",
    );
}

#[test]
fn whose_systemd() {
    assert_picture(
        "[wake]\nmanager = 'root'\n",
        "error: `manager`: unknown variant `root`, expected `system` or `user`
 --> kiosk.toml:2:11
  |
2 | manager = 'root'
  |           ^^^^^^
  |
  = help: allowed: \"system\" or \"user\"",
    );
    assert_picture(
        "[wake]\nwake = true\n",
        "error: unknown key `wake`; is `wake_system` meant?
 --> kiosk.toml:2:1
  |
2 | wake = true
  | ^^^^
  |
  = help: allowed: `timer`, `wake_system` and `manager`",
    );
}

#[test]
fn a_device_is_woken_by_a_timer_only() {
    assert_picture(
        "[wake]\nwake_system = true\n",
        "error: `wake_system`: without a timer nothing wakes the device
 --> kiosk.toml:2:15
  |
2 | wake_system = true
  |               ^^^^
  |
  = help: allowed: true or false; true only with `timer = true`",
    );
}
