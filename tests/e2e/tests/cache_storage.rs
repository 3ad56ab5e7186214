//! The Cache API, as pages and workers have it: what it keeps over the end of the browser, also one without warning, and
//! what a damaged or full disk costs.

#![cfg(feature = "offline")]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use background_sync_e2e::{FAST_RETRIES, Kiosk, Site, in_namespace, mount_small_disk};
use serde_json::{Value, json};

/// Caches its page when it is installed, and posts what it finds there when it is told so.
const WORKER: &str = r"
  oninstall = (event) => event.waitUntil(
    caches.open('shell').then((cache) => cache.addAll(['/', '/app.js'])));
  onsync = (event) => event.waitUntil(
    caches.match('/app.js').then((it) => it.text()).then((text) => post('/sync', text)));
";

/// For pages: a text of so many bytes, and all that is cached, as texts by cache and URL.
const HELPERS: &str = r"
  function long(byte, length = 300_000) { return byte.repeat(length); }
  async function all() {
    const found = {};
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      found[name] = {};
      for (const request of await cache.keys()) {
        const text = await (await cache.match(request)).text();
        found[name][new URL(request.url).pathname] = text.length > 100 ? [text[0], text.length] : text;
      }
    }
    return found;
  }
  async function put(name, path, text) {
    const cache = await caches.open(name);
    await cache.put(path, new Response(text));
  }
";

fn site() -> Site {
    let site = Site::new(WORKER);
    site.server.serve("/app.js", "text/javascript", "app()");
    site.add_to_page(HELPERS);
    site
}

/// All that is cached, but for what the worker has.
fn cached(kiosk: &mut Kiosk) -> Value {
    kiosk
        .settle("all().then((found) => { delete found.shell; return found; })")
        .expect("readable")
}

/// The files of long bodies.
fn bodies(profile: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![profile.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of ours") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if folder.ends_with("bodies") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn the_worker_of_every_tutorial_is_installed() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = site();
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    assert_eq!(
        kiosk.settle("caches.match('/').then((it) => it.headers.get('content-type'))"),
        Ok(json!("text/html"))
    );
    kiosk.set_network("offline");
    kiosk.register_sync("waits");
    kiosk.kill();
    drop(kiosk);
    // It has its cache when it is started without a page.
    let mut kiosk = Kiosk::with_fast_retries(profile.path()).open("about:blank");
    assert_eq!(site.server.wait_for(1)[0].body, "app()");
    kiosk.wait_for("the event to succeed", |event| {
        event["outcome"] == "Fulfilled"
    });
}

#[test]
fn what_was_put_is_there_after_a_kill() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = site();
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    for script in [
        "put('a', '/short', 'short')",
        "put('a', '/long', long('x'))",
        "put('b', '/gone', long('y'))",
        "put('a', '/short', 'replaced')",
        "caches.open('b').then((cache) => cache.delete('/gone'))",
        "put('c', '/', long('z')).then(() => caches.delete('c'))",
    ] {
        kiosk.settle(script).expect(script);
    }
    kiosk.kill();
    drop(kiosk);
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    assert_eq!(
        cached(&mut kiosk),
        json!({ "a": { "/long": ["x", 300_000], "/short": "replaced" }, "b": {} })
    );
    assert_eq!(bodies(profile.path()).len(), 1);
}

#[test]
fn a_kill_leaves_all_of_add_all_or_nothing() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = site();
    for number in 0..3 {
        let body = number.to_string().repeat(200_000);
        let headers = [
            ("Content-Type", "text/plain"),
            ("Cache-Control", "max-age=3600"),
        ];
        site.server
            .serve_with(&format!("/{number}"), &headers, &body);
    }
    site.server.serve("/held", "text/plain", "late");
    site.server.hold_path("/held");
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    // From the HTTP cache from now on: the server hangs now and then if it is asked for several files at a time.
    kiosk
        .settle("(async () => { for (const it of ['/0', '/1', '/2']) await (await fetch(it)).text(); })()")
        .expect("fetched");
    // One waits for its last answer; others are added and removed all the time.
    kiosk.evaluate(
        "caches.open('held').then((cache) => cache.addAll(['/0', '/1', '/held'])), \
         (async () => { for (let i = 0; ; i++) { \
            const cache = await caches.open(`g${i}`); await cache.addAll(['/0', '/1', '/2']); \
            if (i % 2) await caches.delete(`g${i - 1}`); \
            console.log(`generation ${i}`); } })(), 0",
    );
    site.server.wait_for_held("/held");
    kiosk.wait_for_console("generation 6");
    kiosk.kill();
    drop(kiosk);
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    let found = cached(&mut kiosk);
    let found = found.as_object().expect("caches by name");
    assert_eq!(found["held"], json!({}));
    let whole = json!({ "/0": ["0", 200_000], "/1": ["1", 200_000], "/2": ["2", 200_000] });
    let mut in_bodies = 0;
    for (name, entries) in found.iter().filter(|(name, _)| *name != "held") {
        assert!(
            *entries == whole || *entries == json!({}),
            "{name}: {entries}"
        );
        in_bodies += entries.as_object().map_or(0, serde_json::Map::len);
    }
    assert_eq!(found["g5"], whole, "it had been told");
    assert!(!found.contains_key("g4"), "its removal had been told");
    // Nothing else is left of what was being written.
    assert_eq!(bodies(profile.path()).len(), in_bodies);
}

#[test]
fn a_damaged_body_costs_its_entry() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = site();
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    for name in ["flipped", "cut", "good"] {
        kiosk
            .settle(&format!("put('a', '/{name}', long('{name}'[0]))"))
            .expect("stored");
    }
    kiosk.quit();
    let files = bodies(profile.path());
    assert_eq!(files.len(), 3);
    let mut bytes = fs::read(&files[0]).expect("readable");
    bytes[250_000] ^= 1;
    fs::write(&files[0], bytes).expect("writable");
    let cut = OpenOptions::new().write(true).open(&files[1]);
    cut.and_then(|file| file.set_len(1000)).expect("writable");

    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    assert_eq!(
        kiosk.settle("caches.match('/cut').then((it) => typeof it)"),
        Ok(json!("undefined"))
    );
    // This damage shows when the body is read, and the entry is gone from then on.
    assert_eq!(
        kiosk.settle("caches.match('/flipped').then((it) => it.text())"),
        Err("TypeError".to_owned())
    );
    assert_eq!(
        cached(&mut kiosk),
        json!({ "a": { "/good": ["g", 300_000] } })
    );
    assert_eq!(bodies(profile.path()), files[2..]);
    kiosk
        .settle("put('a', '/flipped', 'again')")
        .expect("stored");
}

#[test]
fn a_full_disk_is_a_quota_error_and_passes() {
    in_namespace("a_full_disk_is_a_quota_error_and_passes", || {
        let disk = tempfile::tempdir().expect("a writable folder");
        mount_small_disk(disk.path(), 64);
        let site = site();
        let mut kiosk = site.open_with(Kiosk::with_fast_retries(&disk.path().join("profile")));
        kiosk
            .settle("put('a', '/before', long('b'))")
            .expect("stored");
        let filling = disk.path().join("filling");
        let mut file = File::create(&filling).expect("there is room");
        while file.write_all(&[0; 4096]).is_ok() {}
        drop(file);
        assert_eq!(
            kiosk.settle("put('a', '/meanwhile', long('m'))"),
            Err("QuotaExceededError".to_owned())
        );
        assert_eq!(
            cached(&mut kiosk),
            json!({ "a": { "/before": ["b", 300_000] } })
        );
        fs::remove_file(&filling).expect("it is ours");
        kiosk
            .settle("put('a', '/after', long('a'))")
            .expect("stored");
        assert_eq!(
            cached(&mut kiosk),
            json!({ "a": { "/before": ["b", 300_000], "/after": ["a", 300_000] } })
        );
    });
}

#[test]
fn origins_have_caches_of_their_own() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let (one, other) = (site(), site());
    let mut kiosk = one.open_with(Kiosk::with_fast_retries(profile.path()));
    kiosk.settle("put('a', '/', 'mine')").expect("stored");
    kiosk.command(&format!("open {}", other.server.url("/")));
    kiosk.wait_for_console("page ready");
    assert_eq!(cached(&mut kiosk), json!({}));
    let address = one.server.url("/");
    assert_eq!(
        kiosk.settle(&format!(
            "caches.match('{address}').then((it) => typeof it)"
        )),
        Ok(json!("undefined"))
    );
}

#[test]
fn clearing_a_sites_data_clears_its_caches_and_no_other() {
    let profile = tempfile::tempdir().expect("a writable folder");
    let site = site();
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    kiosk.settle("put('a', '/', long('l'))").expect("stored");
    kiosk.command("clear-site-data other.example");
    assert_eq!(cached(&mut kiosk), json!({ "a": { "/": ["l", 300_000] } }));
    assert_eq!(bodies(profile.path()).len(), 1);
    kiosk.command("clear-site-data 127.0.0.1");
    assert_eq!(cached(&mut kiosk), json!({}));
    assert_eq!(bodies(profile.path()), Vec::<PathBuf>::new());
    kiosk.settle("put('a', '/', 'again')").expect("stored");
    assert_eq!(cached(&mut kiosk), json!({ "a": { "/": "again" } }));
}

#[test]
fn pages_are_told_how_much_is_stored() {
    let mut kiosk = site().open();
    for path in ["/first", "/second"] {
        let put = format!("put('a', '{path}', long('x', 2_000_000))");
        kiosk.settle(&put).expect("room");
    }
    let estimate = kiosk
        .settle("navigator.storage.estimate().then(({ usage, quota }) => [usage, quota])")
        .expect("known");
    let (usage, quota) = (estimate[0].as_u64(), estimate[1].as_u64());
    assert!(usage >= Some(4_000_000), "{estimate}");
    assert!(quota > usage, "{estimate}");
}

#[test]
fn a_temporary_profile_leaves_nothing_behind() {
    let folder = tempfile::tempdir().expect("a writable folder");
    let site = site();
    let builder = Kiosk::builder()
        .background_sync(FAST_RETRIES)
        .temporary(folder.path());
    let mut kiosk = site.open_with(builder);
    kiosk.settle("put('a', '/', long('t'))").expect("stored");
    assert_eq!(cached(&mut kiosk), json!({ "a": { "/": ["t", 300_000] } }));
    kiosk.quit();
    let left = fs::read_dir(folder.path()).expect("a folder of ours");
    assert_eq!(left.count(), 0);
}

#[test]
fn responses_keep_what_pages_may_see_of_them() {
    let site = site();
    let other = site.server.url("/app.js").replace("127.0.0.1", "localhost");
    site.server.serve_redirect("/moved", "/app.js");
    let mut kiosk = site.open();
    let seen = |kiosk: &mut Kiosk, request: &str| {
        kiosk.settle(&format!(
            "(async () => {{ const cache = await caches.open('a'); const url = {request}; \
               const fetched = await fetch(url, {{ mode: 'no-cors' }}); await cache.put(url, fetched); \
               const it = await cache.match(url); \
               return [it.type, it.status, it.redirected, it.url, (await it.text()).length]; }})()"
        ))
    };
    let app = site.server.url("/app.js");
    assert_eq!(
        seen(&mut kiosk, "'/app.js'"),
        Ok(json!(["basic", 200, false, app, 5]))
    );
    assert_eq!(
        seen(&mut kiosk, "'/moved'"),
        Ok(json!(["basic", 200, true, app, 5]))
    );
    assert_eq!(
        seen(&mut kiosk, &format!("'{other}'")),
        Ok(json!(["opaque", 0, false, "", 0]))
    );
}
