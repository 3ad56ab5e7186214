//! The control socket is out of reach of every page.

use std::fs;
use std::path::Path;

use background_sync_e2e::operator::ControlSocket;
use background_sync_e2e::{Kiosk, Site};
use serde_json::json;

#[test]
fn no_page_reaches_the_socket() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new("");
    let mut kiosk = site.open_with(Kiosk::builder().profile(profile.path()));
    let path = profile.path().join("control.sock");
    let path = path.to_str().expect("UTF-8");
    let escaped = path.replace('/', "%2F");
    let addresses = [
        format!("file://{path}"),
        format!("unix:{path}"),
        format!("unix://{path}"),
        format!("http+unix://{escaped}/"),
        format!("ws+unix://{path}"),
        format!("kiosk:{path}"),
        format!("/..{path}"),
    ];
    let count = |profile: &Path| {
        ControlSocket::connect(profile).ask(&json!({"request": "status"}))["ok"]["connections"]
            .as_u64()
            .expect("a number")
    };
    let before = count(profile.path());
    for address in &addresses {
        let body = r#"{"request":"clear","origin":"http://127.0.0.1"}\n"#;
        let fetched = kiosk.settle(&format!(
            "fetch({address:?}, {{ method: 'POST', body: '{body}' }}).then((answer) => answer.status)"
        ));
        // A path of the server's is a path of the server's.
        assert!(
            fetched.is_err() || address.starts_with("/.."),
            "{address}: {fetched:?}"
        );
        let as_element = "(address) => new Promise((resolve) => { \
            const frame = document.createElement('iframe'); \
            frame.src = address; \
            const image = new Image(); \
            image.onload = () => resolve('loaded'); image.onerror = () => resolve('failed'); \
            document.body.append(frame); image.src = address; })";
        let shown = kiosk.settle(&format!("({as_element})({address:?})"));
        assert_eq!(shown, Ok(json!("failed")), "{address}");
        let socket = kiosk.settle(&format!(
            "new Promise((resolve, reject) => {{ const socket = new WebSocket({address:?}.replace('file:', 'ws:')); \
             socket.onopen = resolve; socket.onerror = () => reject(new Error('no')); }})"
        ));
        assert!(socket.is_err(), "{address}: {socket:?}");
    }
    // Nor does a page of a file, which may read files.
    let page = profile.path().join("page.html");
    fs::write(
        &page,
        format!(
            "<!DOCTYPE html><script>fetch('file://{path}', {{ method: 'POST', body: '{{}}' }}) \
               .then(() => console.log('reached'), () => console.log('not reached'));</script>"
        ),
    )
    .expect("a writable folder");
    kiosk.command(&format!("open file://{}", page.display()));
    kiosk.wait_for_console("not reached");
    // Nor does somebody who types its address.
    kiosk.command(&format!("open file://{path}"));
    kiosk.wait_for("that load to end", |event| event["status"] == "complete");
    assert_eq!(
        count(profile.path()),
        before + 1,
        "nobody else has connected"
    );
}
