//! Which scripts run as service workers: hostile ones come from another origin, and from the same one as an upload would.

use std::path::Path;

use background_sync_e2e::{FAST_RETRIES, Kiosk, PAGE, Site, TestServer};
use serde_json::{Value, json};

/// Says that it runs, whatever it is registered for.
fn serve_hostile_script(server: &TestServer, path: &str, headers: &[(&str, &str)]) {
    server.serve_with(path, headers, "fetch('/ran', { method: 'POST' });");
}

/// Registers a script; returns what becomes of it.
fn register(kiosk: &mut Kiosk, script: &str, options: &str) -> Result<Value, String> {
    kiosk.settle(&format!(
        "navigator.serviceWorker.register('{script}', {options}).then((it) => it.scope)"
    ))
}

#[test]
fn a_script_that_is_not_javascript_is_refused() {
    let site = Site::new("");
    serve_hostile_script(
        &site.server,
        "/upload.txt",
        &[("Content-Type", "text/plain")],
    );
    serve_hostile_script(
        &site.server,
        "/upload.png",
        &[("Content-Type", "image/png")],
    );
    serve_hostile_script(&site.server, "/upload", &[]);
    let mut kiosk = site.open();
    // Images are refused before that, as for every kind of script.
    for (script, error) in [
        ("/upload.txt", "SecurityError"),
        ("/upload", "SecurityError"),
        ("/upload.png", "TypeError"),
    ] {
        let refused = register(&mut kiosk, script, "{ scope: '/upload' }");
        assert_eq!(refused, Err(error.to_owned()), "{script}");
    }
    let message = kiosk
        .settle("navigator.serviceWorker.register('/upload.txt').catch((error) => error.message)");
    let url = site.server.url("/upload.txt");
    assert_eq!(
        message,
        Ok(json!(format!(
            "Failed to register a service worker: the script {url} has the MIME type text/plain, which is not JavaScript's"
        )))
    );
    let found = "navigator.serviceWorker.getRegistration('/upload').then((it) => new URL(it.scope).pathname)";
    assert_eq!(kiosk.settle(found), Ok(json!("/")), "nothing is left of it");
    assert_eq!(site.server.received_count(), 0);
}

#[test]
fn a_script_of_another_scheme_is_refused() {
    let site = Site::new("");
    let mut kiosk = site.open();
    for script in [
        "kiosk:x",
        "about:blank",
        "data:text/javascript,",
        "blob:x",
        "file:///x.js",
    ] {
        for options in ["{}", "{ scope: '/upload' }"] {
            let refused = register(&mut kiosk, script, options);
            assert_eq!(refused, Err("TypeError".to_owned()), "{script}");
        }
    }
}

#[test]
fn a_script_that_is_redirected_is_refused() {
    let site = Site::new("");
    let other = TestServer::start();
    let headers = [
        ("Content-Type", "text/javascript"),
        ("Access-Control-Allow-Origin", "*"),
        ("Service-Worker-Allowed", "/"),
    ];
    serve_hostile_script(&other, "/evil.js", &headers);
    serve_hostile_script(&site.server, "/real.js", &headers);
    site.server
        .serve_redirect("/away.js", &other.url("/evil.js"));
    site.server.serve_redirect("/here.js", "/real.js");
    let mut kiosk = site.open();
    for script in ["/away.js", "/here.js"] {
        let refused = register(&mut kiosk, script, "{ scope: '/redirected/' }");
        assert_eq!(refused, Err("TypeError".to_owned()), "{script}");
    }
    // The way of an update is no other.
    site.server.serve_redirect("/sw.js", &other.url("/evil.js"));
    assert_eq!(
        kiosk.settle("registration.update()"),
        Err("TypeError".to_owned())
    );
    assert_eq!(site.server.received_count() + other.received_count(), 0);
}

#[test]
fn a_script_has_no_scope_above_its_folder_unless_its_server_allows_it() {
    let site = Site::new("");
    let script = [("Content-Type", "text/javascript")];
    serve_hostile_script(&site.server, "/users/eve/sw.js", &script);
    let mut kiosk = site.open();
    for scope in ["/", "/users/", "/users/eve", "/users/evelyn/"] {
        let refused = register(
            &mut kiosk,
            "/users/eve/sw.js",
            &format!("{{ scope: '{scope}' }}"),
        );
        assert_eq!(refused, Err("SecurityError".to_owned()), "{scope}");
    }
    assert_eq!(site.server.received_count(), 0);
    let mut scopes = Vec::new();
    for (number, allowed) in ["/shop", "../../shop/", "https://else.example/"]
        .into_iter()
        .enumerate()
    {
        let path = format!("/users/eve/{number}.js");
        let headers = [script[0], ("Service-Worker-Allowed", allowed)];
        site.server.serve_with(&path, &headers, "");
        let scope = format!("{{ scope: '/shop/{number}/' }}");
        scopes.push(register(&mut kiosk, &path, &scope).is_ok());
    }
    assert_eq!(scopes, [true, true, false]);
}

#[test]
fn a_script_is_asked_for_as_a_service_workers_and_past_the_cache() {
    let site = Site::new("");
    let headers = [
        ("Content-Type", "text/javascript"),
        ("Cache-Control", "max-age=3600"),
    ];
    site.server
        .serve_with("/sw.js", &headers, "importScripts('/lib.js');");
    site.server.serve_with("/lib.js", &headers, "");
    let mut kiosk = site.open();
    kiosk.settle("registration.update()").expect("updated");
    let asked = site.server.asked_for("/sw.js");
    assert!(asked.len() >= 2, "{asked:?}");
    for request in &asked {
        let marker = request.headers.get("service-worker").map(String::as_str);
        assert_eq!(marker, Some("script"), "{request:?}");
    }
    // By default, the cache may answer for imports; no page asks like this by itself.
    assert_eq!(site.server.asked_for("/lib.js").len(), 1);
    assert!(
        !site.server.asked_for("/")[0]
            .headers
            .contains_key("service-worker")
    );
    let again = "navigator.serviceWorker.register('/sw.js', { updateViaCache: 'none' }) \
         .then((it) => it.updateViaCache)";
    assert_eq!(kiosk.settle(again), Ok(json!("none")));
    kiosk.settle("registration.update()").expect("updated");
    assert!(site.server.asked_for("/lib.js").len() >= 2);
}

#[test]
fn a_page_s_policy_decides_which_workers_it_registers() {
    let server = TestServer::start();
    let headers = [
        ("Content-Type", "text/html"),
        ("Content-Security-Policy", "worker-src 'none'"),
    ];
    server.serve_with("/", &headers, PAGE);
    serve_hostile_script(&server, "/sw.js", &[("Content-Type", "text/javascript")]);
    let mut kiosk = Kiosk::builder().open(&server.url("/"));
    kiosk.wait_for_report("page failed: TypeError");
    assert_eq!(server.received_count(), 0);
}

/// The worker tells whether it reaches its server at all.
const POLICY_WORKER: &str =
    "onsync = (event) => event.waitUntil(fetch('/sent', { method: 'POST' }));";

fn open_with_policy(site: &Site, profile: &Path) -> Kiosk {
    let headers = [
        ("Content-Type", "text/javascript"),
        ("Content-Security-Policy", "connect-src 'none'"),
    ];
    site.server.serve_with("/sw.js", &headers, POLICY_WORKER);
    let section = FAST_RETRIES.replace("max_attempts = 3", "max_attempts = 1");
    site.open_with(Kiosk::builder().background_sync(&section).profile(profile))
}

#[test]
fn a_worker_has_the_policy_that_came_with_its_script_over_a_restart() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = Site::new("");
    let mut kiosk = open_with_policy(&site, profile.path());
    kiosk.register_sync("one");
    assert_eq!(kiosk.wait_for_sync("finished")["outcome"], "Rejected");
    kiosk.set_network("offline");
    kiosk.register_sync("two");
    kiosk.kill();
    let mut kiosk = Kiosk::with_fast_retries(profile.path()).open("about:blank");
    // The first one finds that the worker has to be fetched from where it is kept.
    let outcome = kiosk.wait_for("the outcome of the event", |event| {
        event["kind"] == "finished" && event["outcome"] != "NotStarted"
    });
    assert_eq!(outcome["outcome"], "Rejected");
    assert_eq!(site.server.received_count(), 0);
}

#[test]
fn a_worker_imports_nothing_new_once_it_is_installed() {
    let site = Site::new(
        "importScripts('/early.js'); \
         onsync = (event) => { let what; \
           try { importScripts('/early.js'); importScripts('/late.js'); what = 'imported'; } \
           catch (error) { what = error.name; } \
           event.waitUntil(post('/imports', [early, what])); };",
    );
    site.server
        .serve("/early.js", "text/javascript", "self.early = 1;");
    site.server
        .serve("/late.js", "text/javascript", "self.late = 1;");
    let mut kiosk = site.open();
    kiosk.register_sync("x");
    assert_eq!(site.server.wait_for(1)[0].body, json!([1, "NetworkError"]));
    assert!(site.server.asked_for("/late.js").is_empty());
}
