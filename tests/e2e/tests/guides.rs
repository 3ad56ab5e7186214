//! The guides in `docs/`: their configurations are right, their settings are all that there are, and their code does what they
//! say.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use background_sync_e2e::guide::{Block, blocks, source_tree};
use background_sync_e2e::{
    Answer, FAST_RETRIES, INDEXED_DB, Kiosk, TestServer, kiosk_program, run,
};
use serde_json::json;

const GUIDES: [&str; 3] = ["integrating.md", "kiosk.md", "web-developers.md"];

fn guide(name: &str) -> Vec<Block> {
    blocks(&source_tree().join("docs").join(name))
}

fn file_of(name: &str, file: &str) -> String {
    let block = guide(name)
        .into_iter()
        .find(|block| block.file.as_deref() == Some(file));
    block.unwrap_or_else(|| panic!("{name} has no {file}")).text
}

fn check_config(file: &Path) -> Output {
    run(Command::new(kiosk_program())
        .arg("check-config")
        .arg(file)
        .stdin(Stdio::null()))
}

#[test]
fn configurations_are_right() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let files = [
        source_tree().join("docs"),
        source_tree().join("ports/kiosk"),
    ];
    let documents = GUIDES.map(|name| files[0].join(name));
    let readme = files[1].join("README.md");
    let mut checked = 0;
    for document in documents.iter().chain([&readme]) {
        for block in blocks(document).iter().filter(|it| it.language == "toml") {
            let file = folder.path().join("kiosk.toml");
            // A file that is not there is wrong, too.
            let text = block.text.replace("certificate_path", "# certificate_path");
            fs::write(&file, text).expect("a writable folder");
            let output = check_config(&file);
            let (name, line) = (document.display(), block.line);
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}, line {line}: {told}");
            checked += 1;
        }
    }
    assert!(checked >= 4, "{checked} configurations");
}

#[test]
fn the_packages_example_is_right() {
    let output = check_config(&source_tree().join("ports/kiosk/package/kiosk.toml"));
    assert!(output.status.success(), "{output:?}");
}

/// What is wrong in its example is commented out: it is right without the signs, too.
#[test]
fn the_packages_example_is_right_with_all_its_settings() {
    let text = fs::read_to_string(source_tree().join("ports/kiosk/package/kiosk.toml"))
        .expect("the package has an example");
    let lines = text.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => setting,
        _ => line,
    });
    let all: Vec<_> = lines.filter(|line| !line.contains("ca.pem")).collect();
    let folder = tempfile::tempdir().expect("a writable folder");
    let file = folder.path().join("kiosk.toml");
    fs::write(&file, all.join("\n")).expect("a writable folder");
    let output = check_config(&file);
    assert!(output.status.success(), "{output:?}");
}

/// The settings that are allowed where an unknown one stands, as the kiosk tells.
fn settings_of(section: &str) -> BTreeSet<String> {
    let folder = tempfile::tempdir().expect("a writable folder");
    let file = folder.path().join("kiosk.toml");
    fs::write(&file, format!("{section}\nno_such_setting = 1\n")).expect("a writable folder");
    let told = String::from_utf8(check_config(&file).stderr).expect("text");
    let about_it = told.split("unknown key `no_such_setting`").nth(1);
    let allowed = about_it
        .and_then(|told| told.split("help: allowed: ").nth(1))
        .unwrap_or_else(|| panic!("what is allowed in {section}: {told}"));
    let names = allowed.lines().next().unwrap_or_default().split('`');
    names.skip(1).step_by(2).map(str::to_owned).collect()
}

/// The settings in the first column of the tables below a heading.
fn settings_in_guide(text: &str, heading: &str) -> BTreeSet<String> {
    let lines = text.lines().skip_while(|line| *line != heading).skip(1);
    let rows = lines
        .take_while(|line| !line.starts_with('#'))
        .filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| {
        let cell = row.split(" | ").next().unwrap_or_default();
        cell.split('`').skip(1).step_by(2)
    })
    .map(str::to_owned)
    .collect()
}

#[test]
fn the_reference_has_each_setting_and_no_other() {
    let text = fs::read_to_string(source_tree().join("docs/kiosk.md")).expect("the guide");
    let sections = ["background_sync", "connectivity", "[permissions]", "prefs"];
    let mut top = settings_of("");
    let elsewhere = ["log", "metrics", "traces", "wake"];
    for section in ["background_sync", "connectivity", "permissions", "prefs"]
        .iter()
        .chain(&elsewhere)
    {
        assert!(top.remove(*section), "{section}: {top:?}");
    }
    assert_eq!(settings_in_guide(&text, "### Top level"), top);
    for section in &sections[..3] {
        let heading = format!("### `[{section}]`");
        let expected = settings_of(&format!("[{section}]"));
        assert_eq!(settings_in_guide(&text, &heading), expected, "{heading}");
    }
}

/// What the guide's code uses, and every app has in its own way.
const OUTBOX: &str = "const outbox = {
    add: (message) => inOutbox('readwrite', (store) => store.put(message, message.id)),
    all: () => inOutbox('readonly', (store) => store.getAll()),
    remove: (id) => inOutbox('readwrite', (store) => store.delete(id)),
  };";

fn app(page: &str) -> TestServer {
    let server = TestServer::start();
    let helpers = format!("{INDEXED_DB}\n{OUTBOX}");
    let start = "navigator.serviceWorker.register('/sw.js');
        navigator.serviceWorker.ready.then(() => console.log('page ready'));";
    let html =
        format!("<!DOCTYPE html><title>app</title><script>{helpers}\n{page}\n{start}</script>");
    server.serve("/", "text/html", &html);
    let worker = file_of("web-developers.md", "worker.js");
    server.serve("/sw.js", "text/javascript", &format!("{helpers}\n{worker}"));
    server
}

#[test]
fn the_web_developers_app_sends_what_was_written_offline() {
    let server = app(&file_of("web-developers.md", "page.js"));
    let mut kiosk = Kiosk::builder()
        .background_sync(FAST_RETRIES)
        .open(&server.url("/"));
    kiosk.wait_for_console("page ready");
    kiosk.set_network("offline");
    let message = json!({ "id": "7", "text": "two espressos" });
    let send = format!("send({message}).then(() => console.log('kept')), 0");
    kiosk.evaluate(&send);
    kiosk.wait_for_console("kept");
    // The first answer is no success: it must be sent again.
    server.answer_next([Answer::Status(503)]);
    kiosk.close_window();
    kiosk.set_network("online");
    let received = server.wait_for(2);
    for post in received {
        assert_eq!((&*post.path, &post.body), ("/messages", &message));
        assert_eq!(post.headers["idempotency-key"], "7");
    }
    kiosk.wait_for_sync("finished");
}

#[test]
fn the_web_developers_app_works_without_the_api() {
    let page = file_of("web-developers.md", "page.js");
    let without = file_of("web-developers.md", "without.js");
    let server = app(&format!("{page}\n{without}"));
    let mut kiosk = Kiosk::builder()
        .flag("--pref")
        .flag("dom_background_sync_enabled=false")
        .open(&server.url("/"));
    kiosk.wait_for_console("page ready");
    assert_eq!(
        kiosk.evaluate("'sync' in ServiceWorkerRegistration.prototype"),
        json!(false)
    );
    kiosk.set_network("offline");
    let message = json!({ "id": "8", "text": "the bill" });
    kiosk.evaluate(&format!(
        "send({message}).then(() => console.log('kept')), 0"
    ));
    kiosk.wait_for_console("kept");
    kiosk.set_network("online");
    server.wait_for_post("/messages", &message);
}

/// What the guide quotes of a program that is compiled is in that program.
#[test]
fn quotations_are_in_their_source() {
    let text = fs::read_to_string(source_tree().join("docs/integrating.md")).expect("the guide");
    let mut parts = text.split("<!-- from: ").skip(1).peekable();
    assert!(parts.peek().is_some(), "it quotes something");
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        let (file, rest) = part
            .split_once(" -->\n```rust,ignore\n")
            .expect("a block follows");
        let quoted = rest.split("```").next().unwrap_or_default();
        let source = fs::read_to_string(source_tree().join(file)).expect("a file of the tree");
        assert!(
            squeezed(&source).contains(&squeezed(quoted)),
            "{file} has not:\n{quoted}"
        );
    }
}
