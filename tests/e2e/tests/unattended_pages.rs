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
            "<!DOCTYPE html><title>app</title><a id=out href='{out}/link'>out</a>\
             <form action='{out}/form' method=post><button>send</button></form>\
             <script>console.log('app loaded')</script>",
            out = elsewhere.url(""),
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

fn wait_for_block(kiosk: &mut Kiosk, url: &str) -> Value {
    kiosk.wait_for(&format!("{url} to be blocked"), |event| {
        event["event"] == "navigation-blocked" && event["url"] == url
    })
}

/// Has the page do something until it leads to this address, which is blocked. A window goes nowhere while it is still
/// about to go elsewhere.
fn try_until_blocked(kiosk: &mut Kiosk, action: &str, url: &str) -> Value {
    kiosk.evaluate(&format!(
        "window.trying = setInterval(() => {{ {action} }}, 50), 0"
    ));
    let blocked = wait_for_block(kiosk, url);
    kiosk.evaluate("clearInterval(trying), 0");
    blocked
}

#[test]
fn whatever_a_page_does_it_stays() {
    let sites = Sites::start();
    let mut kiosk = sites.open();
    let (app, out) = (sites.app.url("/"), sites.elsewhere.url(""));
    for (action, path) in [
        ("document.querySelector('#out').click()", "/link"),
        ("document.querySelector('button').click()", "/form"),
        (&format!("location.href = '{out}/href'"), "/href"),
        (&format!("location.replace('{out}/replace')"), "/replace"),
        (
            &format!(
                "document.head.append(Object.assign(document.createElement('meta'), \
                 {{ httpEquiv: 'refresh', content: '0; url={out}/refresh' }}))"
            ),
            "/refresh",
        ),
    ] {
        let url = sites.elsewhere.url(path);
        let blocked = try_until_blocked(&mut kiosk, action, &url);
        assert_eq!(blocked["window"], "page", "{action}");
        assert_eq!(blocked["instead"], "page", "{action}");
        assert_eq!(kiosk.evaluate("location.href"), app.as_str(), "{action}");
        assert!(sites.elsewhere.asked_for(path).is_empty());
    }
    assert!(sites.elsewhere.received().is_empty());
    // It works as before, and goes where it may.
    sites.app.serve(
        "/next",
        "text/html",
        "<script>console.log('next loaded')</script>",
    );
    kiosk.evaluate("setInterval(() => location.href = '/next', 50), 0");
    kiosk.wait_for_console("next loaded");
}

#[test]
fn what_is_no_page_of_a_server_is_blocked_too() {
    let sites = Sites::start();
    let mut kiosk = sites.open();
    let folder = tempfile::tempdir().expect("a writable folder");
    let file = folder.path().join("page.html");
    std::fs::write(&file, "<title>file</title>").expect("a writable folder");
    let file = format!("file://{}", file.display());
    for url in [&file, "data:text/html,data"] {
        let blocked = try_until_blocked(&mut kiosk, &format!("location.href = '{url}'"), url);
        assert_eq!(blocked["instead"], "page", "{url}");
        assert_eq!(kiosk.evaluate("document.title"), "app", "{url}");
    }
}

#[test]
fn a_redirect_leads_nowhere() {
    let sites = Sites::start();
    let mut kiosk = sites.open();
    let out = sites.elsewhere.url("/");
    let blocked = try_until_blocked(&mut kiosk, "location.href = '/redirect'", &out);
    assert_eq!(blocked["instead"], "page");
    assert_eq!(kiosk.evaluate("document.title + history.length"), "app1");
    assert!(sites.elsewhere.received().is_empty());
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
        let blocked = wait_for_block(&mut kiosk, &out);
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
    let blocked = wait_for_block(&mut kiosk, &sites.elsewhere.url("/"));
    assert_eq!(blocked["window"], "page");
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
        kiosk.evaluate("location.href = '/redirect', 0");
        kiosk.wait_for_console("elsewhere loaded");
    }
}

#[test]
fn who_supervises_the_kiosk_is_bound_as_well() {
    let sites = Sites::start();
    let mut kiosk = sites.open();
    kiosk.command(&format!("open {}", sites.elsewhere.url("/")));
    wait_for_block(&mut kiosk, &sites.elsewhere.url("/"));
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
    // The notice stays while it is tried.
    for (instead, delay_ms) in [("notice", 1000), ("page", 2000)] {
        let blocked = wait_for_block(&mut kiosk, &sites.elsewhere.url("/"));
        assert_eq!(blocked["instead"], instead);
        let planned = kiosk.wait_for("another try", |event| event["event"] == "reload-planned");
        assert_eq!(planned["in_ms"], json!(delay_ms));
    }
    assert!(sites.elsewhere.received().is_empty());
    sites.app.serve("/start", "text/html", page);
    kiosk.wait_for_console("start loaded");
}
