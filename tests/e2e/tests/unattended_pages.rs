//! Pages outside the allowed origins are not shown, whatever leads to them.

use background_sync_e2e::{Kiosk, KioskBuilder, TestServer};
use serde_json::{Value, json};

/// A site whose pages may be shown, and one whose pages may not.
struct Sites {
    app: TestServer,
    elsewhere: TestServer,
}

impl Sites {
    fn start() -> Self {
        let (app, elsewhere) = (TestServer::start(), TestServer::start());
        let page = format!(
            "<!DOCTYPE html><title>app</title>\
             <a id=out href='{out}'>out</a> <a id=redirected href='/redirect'>redirected</a>\
             <form action='{out}' method=post><button>send</button></form>\
             <script>console.log('app loaded')</script>",
            out = elsewhere.url("/"),
        );
        app.serve("/", "text/html", &page);
        app.serve_redirect("/redirect", &elsewhere.url("/"));
        elsewhere.serve(
            "/",
            "text/html",
            "<!DOCTYPE html><title>elsewhere</title><script>console.log('elsewhere loaded')</script>",
        );
        Self { app, elsewhere }
    }

    /// Shows the app, whose origin alone is allowed.
    fn open(&self) -> Kiosk {
        let mut kiosk = restricted().open(&self.app.url("/"));
        kiosk.wait_for_console("app loaded");
        kiosk
    }
}

fn restricted() -> KioskBuilder {
    Kiosk::builder().setting("allowed_origins = []")
}

fn wait_for_block(kiosk: &mut Kiosk) -> Value {
    kiosk.wait_for("a page to be blocked", |event| {
        event["event"] == "navigation-blocked"
    })
}

#[test]
fn whatever_a_page_does_it_stays() {
    let sites = Sites::start();
    let mut kiosk = sites.open();
    let (app, out) = (sites.app.url("/"), sites.elsewhere.url("/"));
    let click = |selector: &str| format!("document.querySelector('{selector}').click(), 0");
    for script in [
        click("#out"),
        click("#redirected"),
        click("button"),
        format!("location.href = '{out}', 0"),
        format!("location.replace('{out}'), 0"),
        format!(
            "document.head.append(Object.assign(document.createElement('meta'), \
             {{ httpEquiv: 'refresh', content: '0; url={out}' }})), 0"
        ),
    ] {
        kiosk.evaluate(&script);
        let blocked = wait_for_block(&mut kiosk);
        assert_eq!(blocked["url"], out.as_str(), "{script}");
        assert_eq!(blocked["window"], "page", "{script}");
        assert_eq!(blocked["instead"], "page", "{script}");
        assert_eq!(kiosk.evaluate("location.href"), app.as_str(), "{script}");
    }
    // It works as before, and goes where it may.
    sites.app.serve(
        "/next",
        "text/html",
        "<script>console.log('next loaded')</script>",
    );
    kiosk.evaluate("location.href = '/next', 0");
    kiosk.wait_for_console("next loaded");
    assert!(sites.elsewhere.asked_for("/").is_empty() && sites.elsewhere.received().is_empty());
}

#[test]
fn what_is_no_page_of_a_server_is_blocked_too() {
    let sites = Sites::start();
    let mut kiosk = sites.open();
    let folder = tempfile::tempdir().expect("a writable folder");
    let file = folder.path().join("page.html");
    std::fs::write(&file, "<title>file</title>").expect("a writable folder");
    let file = format!("file://{}", file.display());
    for url in [&file, "data:text/html,<title>data</title>"] {
        kiosk.evaluate(&format!("location.href = '{url}', 0"));
        // Servo itself may refuse; then nothing is to be blocked.
        kiosk.evaluate("location.href = '/redirect', 0");
        while wait_for_block(&mut kiosk)["url"] != sites.elsewhere.url("/").as_str() {}
        assert_eq!(kiosk.evaluate("document.title"), "app", "{url}");
    }
}

#[test]
fn a_window_is_not_opened_for_it() {
    let sites = Sites::start();
    let mut kiosk = sites.open();
    let out = sites.elsewhere.url("/");
    for script in [
        format!("window.open('{out}'), 0"),
        format!("window.other = window.open('about:blank'), other.location = '{out}', 0"),
    ] {
        kiosk.evaluate(&script);
        let blocked = wait_for_block(&mut kiosk);
        assert_eq!(blocked["window"], "auxiliary", "{script}");
        assert_eq!(blocked["instead"], "nothing", "{script}");
        kiosk.wait_for("the window to be closed", |event| {
            event["event"] == "auxiliary-window-closed"
        });
    }
    assert_eq!(kiosk.evaluate("document.title"), "app");
    assert!(sites.elsewhere.asked_for("/").is_empty());
}

#[test]
fn a_frame_may_show_it() {
    let sites = Sites::start();
    let mut kiosk = sites.open();
    kiosk.evaluate(&format!(
        "document.body.append(Object.assign(document.createElement('iframe'), {{ src: '{}' }})), 0",
        sites.elsewhere.url("/")
    ));
    kiosk.wait_for_console("elsewhere loaded");
    // But not in place of the page.
    sites.elsewhere.serve(
        "/top",
        "text/html",
        "<script>top.location.href = '/'</script>",
    );
    kiosk.evaluate(&format!(
        "document.querySelector('iframe').src = '{}', 0",
        sites.elsewhere.url("/top")
    ));
    assert_eq!(wait_for_block(&mut kiosk)["window"], "page");
    assert_eq!(kiosk.evaluate("document.title"), "app");
}

#[test]
fn an_origin_of_the_list_is_shown() {
    let sites = Sites::start();
    let origin = sites.elsewhere.url("");
    let settings = [
        Kiosk::builder().setting(&format!("allowed_origins = ['{origin}']")),
        // The command line wins.
        restricted().flag("--allowed-origin").flag(&origin),
        Kiosk::builder(),
    ];
    for builder in settings {
        let mut kiosk = builder.open(&sites.app.url("/"));
        kiosk.wait_for_console("app loaded");
        kiosk.evaluate("document.querySelector('#redirected').click(), 0");
        kiosk.wait_for_console("elsewhere loaded");
    }
}

#[test]
fn who_supervises_the_kiosk_is_bound_as_well() {
    let sites = Sites::start();
    let mut kiosk = sites.open();
    kiosk.command(&format!("open {}", sites.elsewhere.url("/")));
    wait_for_block(&mut kiosk);
    assert_eq!(kiosk.evaluate("document.title"), "app");
}

/// As a network does that wants a login first.
#[test]
fn a_start_page_that_leads_elsewhere_is_tried_again() {
    let sites = Sites::start();
    let page = "<!DOCTYPE html><script>console.log('start loaded')</script>";
    sites
        .app
        .serve_redirect("/start", &sites.elsewhere.url("/"));
    let mut kiosk = restricted().open(&sites.app.url("/start"));
    assert_eq!(wait_for_block(&mut kiosk)["instead"], "notice");
    kiosk.wait_for("the notice", |event| {
        event["event"] == "address" && event["url"] == "about:blocked"
    });
    for delay_ms in [1000, 2000] {
        let planned = kiosk.wait_for("another try", |event| event["event"] == "reload-planned");
        assert_eq!(planned["in_ms"], json!(delay_ms));
        if delay_ms == 1000 {
            wait_for_block(&mut kiosk);
        }
    }
    sites.app.serve("/start", "text/html", page);
    kiosk.wait_for_console("start loaded");
    assert!(sites.elsewhere.asked_for("/").is_empty());
}
