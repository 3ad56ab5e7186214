//! Cookies are kept as they are set, whatever becomes of the browser.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use background_sync_e2e::{Kiosk, Site};

const COOKIES: &str = "cookie_jar.json";

fn site() -> Site {
    let site = Site::new(
        "onsync = (event) => event.waitUntil(fetch('/inbox').then((it) => post('/sync', it.status)));",
    );
    let headers = [
        ("Content-Type", "text/html"),
        (
            "Set-Cookie",
            "session=of-eve; Max-Age=86400; HttpOnly; Path=/",
        ),
    ];
    site.server.serve_with("/login", &headers, "welcome");
    site.server.serve("/inbox", "text/plain", "ok");
    site
}

/// The cookies that came with each request of the worker's.
fn cookies_of_worker(site: &Site) -> Vec<Option<String>> {
    let asked = site.server.asked_for("/inbox");
    asked
        .iter()
        .map(|it| it.headers.get("cookie").cloned())
        .collect()
}

#[test]
fn a_sync_goes_out_with_the_login_after_a_kill() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = site();
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    kiosk.set_network("offline");
    kiosk.set_network("online");
    kiosk
        .settle("fetch('/login').then((it) => it.text())")
        .expect("logged in");
    kiosk.set_network("offline");
    // What script sets is on its way to the network's thread when `register()` is called.
    kiosk
        .settle("(document.cookie = 'theme=dark; Max-Age=86400', registration.sync.register('x'))")
        .expect("registered");
    kiosk.kill();
    let _kiosk = Kiosk::with_fast_retries(profile.path()).open("about:blank");
    site.server.wait_for(1);
    let cookies = cookies_of_worker(&site)[0].clone().unwrap_or_default();
    assert!(cookies.contains("session=of-eve"), "{cookies}");
    assert!(cookies.contains("theme=dark"), "{cookies}");
    let permissions = fs::metadata(profile.path().join(COOKIES))
        .expect("it was written")
        .permissions();
    assert_eq!(permissions.mode() & 0o777, 0o600);
}

#[test]
fn cookies_are_written_without_a_sync() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = site();
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    kiosk
        .settle("fetch('/login').then((it) => it.text())")
        .expect("logged in");
    let file = profile.path().join(COOKIES);
    kiosk.wait_until("the cookie is in its file", || {
        fs::read_to_string(&file).is_ok_and(|text| text.contains("of-eve"))
    });
    kiosk.kill();
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    kiosk
        .settle("fetch('/inbox').then((it) => it.text())")
        .expect("fetched");
    assert!(cookies_of_worker(&site)[0].is_some());
    // What is taken back is not there after another kill.
    kiosk
        .settle("(document.cookie = 'a=b; Max-Age=86400', registration.sync.register('y'))")
        .expect("registered");
    kiosk
        .settle("(document.cookie = 'a=b; Max-Age=0', registration.sync.register('z'))")
        .expect("registered");
    kiosk.kill();
    let text = fs::read_to_string(&file).expect("a file of cookies");
    assert!(text.contains("of-eve") && !text.contains("a=b"), "{text}");
}

/// So many that the thread that has the cookies is still busy with them when `register()` is called, and writes none of them
/// until a second has passed since it wrote the last.
#[test]
fn cookies_that_are_still_on_their_way_count() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = site();
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    kiosk.set_network("offline");
    for tag in ["x", "y"] {
        kiosk
            .settle(&format!(
                "(async () => {{ \
                   for (let n = 0; n <= 2000; n++) document.cookie = `{tag}=of-${{n}}; Max-Age=86400`; \
                   await registration.sync.register('{tag}'); \
                 }})()"
            ))
            .expect("registered");
    }
    kiosk.kill();
    let text = fs::read_to_string(profile.path().join(COOKIES)).expect("a file of cookies");
    for cookie in ["x=of-2000", "y=of-2000"] {
        assert!(text.contains(cookie), "{text}");
    }
}

#[test]
fn a_damaged_file_costs_itself_only() {
    for damage in [&b"{\"version\": 1, \"cookies"[..], b"\xff\xfe\0", b""] {
        let profile = tempfile::tempdir().expect("a writable folder");
        let file = profile.path().join(COOKIES);
        fs::write(&file, damage).expect("a writable folder");
        fs::write(profile.path().join("hsts_list.json"), "[]").expect("a writable folder");
        let site = site();
        let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
        kiosk.register_sync("x");
        site.server.wait_for(1);
        kiosk.kill();
        let aside = profile.path().join("cookie_jar.json.damaged-1");
        assert_eq!(fs::read(aside).expect("it was set aside"), damage);
        assert!(profile.path().join("hsts_list.json.damaged-1").exists());
    }
}
