//! The emoji chat tells by a notification that its messages were sent, and a click on that brings it back.

use background_sync_apps::{App, Server, build};
use background_sync_e2e::{FAST_RETRIES, Kiosk, KioskBuilder};
use serde_json::Value;

/// A kiosk that lets the chat show notifications.
fn builder(server: &Server, profile: &std::path::Path) -> KioskBuilder {
    let origin = server.url("");
    Kiosk::builder()
        .background_sync(FAST_RETRIES)
        .section(
            "[permissions]",
            &format!("origin = '{origin}'\nnotifications = 'granted'"),
        )
        .profile(profile)
}

fn write(kiosk: &mut Kiosk, text: &str) {
    kiosk.evaluate(&format!(
        "document.querySelector('input').value = '{text}', document.querySelector('button').click(), 0"
    ));
    kiosk.wait_for_console(&format!("app: kept {text}"));
}

fn wait_for_notification(kiosk: &mut Kiosk, body: &str) -> Value {
    kiosk.wait_for(&format!("a notification of {body}"), |event| {
        event["event"] == "notification" && event["body"] == body
    })
}

#[test]
fn a_click_on_what_a_sync_has_shown_opens_the_chat_or_focuses_it() {
    let Some(built) = build() else { return };
    let server = Server::start();
    built.serve(App::named("emoji").expect("it is in the list"), &server);
    let profile = tempfile::tempdir().expect("a writable folder");
    let mut kiosk = builder(&server, profile.path()).open(&server.url("/"));
    kiosk.wait_for_console("app: ready for offline");
    kiosk.quit();

    let mut kiosk = builder(&server, profile.path())
        .flag("--offline")
        .open(&server.url("/"));
    kiosk.wait_for_console("app: open, styled");
    write(&mut kiosk, "😀");
    kiosk.close_window();
    kiosk.set_network("online");
    assert_eq!(server.wait_for(1)[0]["text"], "😀");
    let shown = wait_for_notification(&mut kiosk, "😀");
    assert_eq!(shown["title"], "Sent");
    kiosk.command(&format!("notification click {}", shown["id"]));
    kiosk.wait_for("the window", |event| event["event"] == "window-opened");
    kiosk.wait_for_console("app: messages 😀");
    assert_eq!(kiosk.evaluate("location.search"), "?from=notification");

    // Open now, it hears of the next one, and is focused.
    write(&mut kiosk, "🚀");
    kiosk.wait_for_console("app: told 🚀");
    let shown = wait_for_notification(&mut kiosk, "🚀");
    kiosk.command(&format!("notification click {}", shown["id"]));
    kiosk.wait_for("the notification to go", |event| {
        event["event"] == "notification-closed" && event["id"] == shown["id"]
    });
    kiosk.wait_for_console("app: focused");
    let texts: Vec<_> = server
        .posted()
        .into_iter()
        .map(|it| it["text"].clone())
        .collect();
    assert_eq!(texts, ["😀", "🚀"]);
}
