//! Nothing grows with use: what a fetch, a sync or a reload has taken goes again.
//!
//! Nobody collects garbage by hand here, and no worker is stopped early: memory is as an unattended device has it. The
//! short form of `./mach bench --soak`, which does more of everything.

#![cfg(feature = "offline")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::{env, fs, thread};

use background_sync_e2e::{Kiosk, Site};

/// Fetches that one command asks for: few enough to end within what a test waits for one thing, on any machine.
const AT_ONCE: u32 = 100;
/// Syncs that are on their way at once: more would open as many connections, each of which wants a thread of the server.
const SYNCS_AT_ONCE: u32 = 4;
/// Fetches until the caches and pools are as large as they get; then twice as many again.
const FETCHES: u32 = 3_000;
/// The same of syncs.
const SYNCS: u32 = 3_000;

/// Memory that the operations after the warm-up may add, in bytes an operation: a heap that breathes. A browser that keeps
/// each response takes 3,300 and more, and one that keeps its read buffer as well 8,000 to 15,000.
const MOST_BYTES_A_FETCH: u64 = 1_500;
/// The same for a sync whose handler fetches.
const MOST_BYTES_A_SYNC: u64 = 2_000;

/// Reloads until the engine has compiled and cached what it will; then twice as many again.
const RELOADS: u32 = 100;
/// Memory that those may add, in bytes a reload. A browser that keeps the pages takes 250 kB and more, and one that keeps
/// the blocks of SpiderMonkey's parser and interpreter 16 kB.
const MOST_BYTES_A_RELOAD: u64 = 7_000;

/// Reloads of a page whose module has four megabytes; then twice as many again.
const MODULE_RELOADS: u32 = 25;
/// Memory that those may add, in bytes a reload: a tenth of the module's.
const MOST_BYTES_A_MODULE: u64 = 400_000;

/// Windows until the engine has opened what it will; then twice as many again.
const WINDOWS: u32 = 40;
/// Memory that those may add, in bytes a window. A browser whose threads have heaps of their own takes 165 kB.
const MOST_BYTES_A_WINDOW: u64 = 40_000;

/// Workers that come and go.
const VISITORS: usize = 8;

/// Objects of a megabyte that a page refers to weakly, one made in each task.
const WEAK_REFERENCES: u32 = 100;
/// What may be left of them, in bytes: what has come since the last collection.
const MOST_BYTES_OF_WEAK_TARGETS: u64 = 30_000_000;

/// A body that passes a service worker on its way to a page, in bytes.
const LONG_BODY: usize = 128 * 1_024 * 1_024;
/// Memory that it may take meanwhile, in bytes. About 17 MiB are measured, most of it the reader's garbage; a browser that
/// lets the body or its garbage pile up takes 70 MiB and more.
const MOST_BYTES_OF_LONG_BODY: u64 = 32 * 1_024 * 1_024;

/// Posts in vain, of 100 kB each; then twice as many again.
const POSTS: u32 = 200;
/// What each of those may leave, in bytes: half of its body, as memory that is shared between processes goes late. A browser
/// that keeps the bodies of requests that failed takes 200 kB.
const MOST_BYTES_A_POST: u64 = 50_000;

/// Blobs of a megabyte; then twice as many again.
const BLOBS: u32 = 100;
/// What each of those may leave, in bytes: a tenth of it. A browser whose garbage collector sees a small object keeps all.
const MOST_BYTES_A_BLOB: u64 = 100_000;

/// Answers of a megabyte that may be cached, each of another address.
const CACHEABLE: usize = 160;
/// So many of them in one go, which may take as long as a test waits for one thing.
const CACHEABLE_AT_ONCE: usize = 20;
/// What may be left of them, in bytes: the HTTP cache's 64 MiB, and the page's garbage. Without a limit they are all kept.
const MOST_BYTES_OF_CACHEABLE: u64 = 150_000_000;

const PAGE: &str = include_str!("../pages/growth.js");

const WORKER: &str =
    "self.addEventListener('sync', (event) => event.waitUntil(post('/sync', event.tag)));";

/// Whether what threads tell each other is serialized, as between processes.
fn is_serialized() -> bool {
    let flags = env::var("BACKGROUND_SYNC_KIOSK_FLAGS");
    flags.is_ok_and(|flags| flags.contains("--force-ipc"))
}

fn site() -> Site {
    let site = Site::new(WORKER);
    site.add_to_page(PAGE);
    site.server.serve("/answer", "text/plain", "");
    site
}

/// The same, with answers that may be cached.
fn cacheable_site() -> Site {
    let site = site();
    let headers = [
        ("Content-Type", "text/plain"),
        ("Cache-Control", "max-age=3600"),
    ];
    site.server
        .serve_with("/cacheable", &headers, &"c".repeat(1_000_000));
    site
}

/// Has the page fetch all of them.
fn fill_http_cache(kiosk: &mut Kiosk) {
    for first in (0..CACHEABLE).step_by(CACHEABLE_AT_ONCE) {
        kiosk.evaluate(&format!("cacheable({first}, {CACHEABLE_AT_ONCE}), 0"));
        kiosk.wait_for_console("done");
        kiosk.forget_events();
    }
}

/// Has the page fetch so many times, one after the other.
fn fetch(kiosk: &mut Kiosk, count: u32) {
    for _ in 0..count / AT_ONCE {
        kiosk.evaluate(&format!("fetches({AT_ONCE}), 0"));
        kiosk.wait_for_console("done");
        kiosk.forget_events();
    }
}

/// Has the worker handle so many events, each with a fetch.
fn sync(kiosk: &mut Kiosk, count: u32) {
    for _ in 0..count / SYNCS_AT_ONCE {
        kiosk.evaluate(&format!("syncs({SYNCS_AT_ONCE}), 0"));
        for _ in 0..SYNCS_AT_ONCE {
            let finished = kiosk.wait_for_sync("finished");
            assert_eq!(finished["outcome"], "Fulfilled", "{finished}");
        }
        kiosk.forget_events();
    }
}

/// Loads the page again so many times.
fn reload(kiosk: &mut Kiosk, count: u32) {
    for _ in 0..count {
        kiosk.command("reload");
        kiosk.wait_for_console("page ready");
        kiosk.forget_events();
    }
}

/// How many bytes an operation adds once it has been done so many times. Where garbage is when memory is read is chance, so
/// what seems to be more than `most` must be more a second time: what adds up does so again.
fn bytes_an_operation(
    kiosk: &mut Kiosk,
    warm_up: u32,
    most: u64,
    perform: impl Fn(&mut Kiosk, u32),
) -> u64 {
    perform(kiosk, warm_up);
    let mut before = kiosk.memory_bytes();
    let mut least = u64::MAX;
    for _ in 0..2 {
        perform(kiosk, 2 * warm_up);
        let after = kiosk.memory_bytes();
        let added = after.saturating_sub(before) / u64::from(2 * warm_up);
        println!("{before} bytes, then {after}: {added} an operation");
        least = least.min(added);
        if least <= most {
            break;
        }
        before = after;
    }
    least
}

#[test]
fn fetches_of_a_page_do_not_add_up() {
    let site = site();
    let mut kiosk = site.open();
    let added = bytes_an_operation(&mut kiosk, FETCHES, MOST_BYTES_A_FETCH, fetch);
    assert!(added <= MOST_BYTES_A_FETCH, "{added} bytes a fetch");
}

#[test]
fn syncs_that_fetch_do_not_add_up() {
    let site = site();
    let mut kiosk = site.open();
    let added = bytes_an_operation(&mut kiosk, SYNCS, MOST_BYTES_A_SYNC, sync);
    assert!(added <= MOST_BYTES_A_SYNC, "{added} bytes a sync");
}

#[test]
fn reloads_do_not_add_up() {
    let site = site();
    let mut kiosk = site.open();
    let added = bytes_an_operation(&mut kiosk, RELOADS, MOST_BYTES_A_RELOAD, reload);
    assert!(added <= MOST_BYTES_A_RELOAD, "{added} bytes a reload");
}

#[test]
fn pages_with_modules_do_not_add_up() {
    let site = site();
    site.server.serve_with(
        "/module.js",
        &[("Content-Type", "text/javascript")],
        "export const big = new Uint8Array(4_000_000).fill(1); globalThis.keep = () => big;",
    );
    site.add_to_page(
        "const element = document.createElement('script');
         element.type = 'module';
         element.textContent = `import { big } from '/module.js';
           const { big: same } = await import('/module.js');
           if (big === same) console.log('module ready');`;
         document.head.append(element);",
    );
    let mut kiosk = site.open();
    kiosk.wait_for_console("module ready");
    let added = bytes_an_operation(
        &mut kiosk,
        MODULE_RELOADS,
        MOST_BYTES_A_MODULE,
        |kiosk, count| {
            for _ in 0..count {
                kiosk.command("reload");
                kiosk.wait_for_console("module ready");
                kiosk.forget_events();
            }
        },
    );
    assert!(added <= MOST_BYTES_A_MODULE, "{added} bytes a reload");
}

#[test]
fn windows_do_not_add_up() {
    let site = site();
    let mut kiosk = site.open();
    let page = site.server.url("/");
    let added = bytes_an_operation(&mut kiosk, WINDOWS, MOST_BYTES_A_WINDOW, |kiosk, count| {
        for _ in 0..count {
            kiosk.command("close-window");
            kiosk.command(&format!("open {page}"));
            kiosk.wait_for_console("page ready");
            kiosk.forget_events();
        }
    });
    assert!(added <= MOST_BYTES_A_WINDOW, "{added} bytes a window");
}

#[test]
fn a_page_keeps_no_worker_that_has_gone() {
    let site = site();
    site.server.serve("/visitor.js", "text/javascript", "");
    let mut kiosk = site.open();
    let gone = kiosk.settle(&format!("visitors({VISITORS})"));
    assert_eq!(gone, Ok("workers 8, registrations 8".into()));
}

#[test]
fn targets_of_weak_references_go_once_their_task_has_ended() {
    let site = site();
    let mut kiosk = site.open();
    let before = kiosk.memory_bytes();
    for _ in 0..WEAK_REFERENCES {
        kiosk.evaluate("weak.push(new WeakRef(new Uint8Array(1_000_000).fill(1))), 0");
    }
    let added = kiosk.memory_bytes().saturating_sub(before);
    println!("{before} bytes, then {added} more");
    assert!(added <= MOST_BYTES_OF_WEAK_TARGETS, "{added} bytes more");
}

#[test]
fn a_long_body_that_passes_a_worker_does_not_pile_up() {
    let site = Site::new(
        "onactivate = (event) => event.waitUntil(clients.claim());
         onfetch = (event) => {
           if (event.request.url.endsWith('/long')) event.respondWith(fetch(event.request));
         };",
    );
    let body = "x".repeat(LONG_BODY);
    site.server
        .serve("/long", "application/octet-stream", &body);
    let mut kiosk = site.open();
    kiosk.wait_until_controlled();
    // From here on the kernel notes the most that there is.
    fs::write(format!("/proc/{}/clear_refs", kiosk.id()), "5").expect("a process of ours");
    let before = kiosk.status_bytes("VmRSS:");
    let read = kiosk.settle(
        "(async () => { \
           const reader = (await fetch('/long')).body.getReader(); \
           let bytes = 0; \
           for (let it; !(it = await reader.read()).done;) bytes += it.value.length; \
           return bytes; \
         })()",
    );
    assert_eq!(read, Ok(LONG_BODY.into()));
    let most = kiosk.status_bytes("VmHWM:") - before;
    // Between processes a chunk counts as used once it is sent, so that nothing holds its sender back.
    let allowed = match is_serialized() {
        true => 2 * LONG_BODY as u64,
        false => MOST_BYTES_OF_LONG_BODY,
    };
    assert!(most < allowed, "{most} bytes more than before");
}

#[test]
fn bodies_of_requests_that_fail_do_not_add_up() {
    let site = site();
    let mut kiosk = site.open();
    let added = bytes_an_operation(&mut kiosk, POSTS, MOST_BYTES_A_POST, |kiosk, count| {
        kiosk.evaluate(&format!("posts({count}), 0"));
        kiosk.wait_for_console("done");
        kiosk.forget_events();
    });
    assert!(added <= MOST_BYTES_A_POST, "{added} bytes a request");
}

#[test]
fn blobs_do_not_add_up() {
    let site = site();
    let mut kiosk = site.open();
    let added = bytes_an_operation(&mut kiosk, BLOBS, MOST_BYTES_A_BLOB, |kiosk, count| {
        kiosk.evaluate(&format!("blobs({count}), 0"));
        kiosk.wait_for_console("done");
        kiosk.forget_events();
    });
    assert!(added <= MOST_BYTES_A_BLOB, "{added} bytes a blob");
}

#[test]
fn the_http_cache_has_a_limit() {
    let site = cacheable_site();
    let mut kiosk = site.open();
    let before = kiosk.memory_bytes();
    fill_http_cache(&mut kiosk);
    let added = kiosk.memory_bytes().saturating_sub(before);
    println!("{before} bytes, then {added} more");
    assert!(added <= MOST_BYTES_OF_CACHEABLE, "{added} bytes more");
    // What was fetched last is there.
    let asked = site.server.asked_for("/cacheable").len();
    kiosk.evaluate(&format!(
        "fetch('/cacheable?{}').then((response) => response.text()).then(() => console.log('again')), 0",
        CACHEABLE - 1
    ));
    kiosk.wait_for_console("again");
    assert_eq!(site.server.asked_for("/cacheable").len(), asked);
}

#[test]
fn the_http_cache_keeps_what_is_still_arriving() {
    let site = cacheable_site();
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let slow = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let (asked, requests) = mpsc::channel();
    let (finish, finished) = mpsc::channel::<()>();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let lines = BufReader::new(stream.try_clone().expect("a descriptor")).lines();
            // Connections that are opened ahead ask for nothing.
            let is_request = lines.map_while(Result::ok).any(|line| line.is_empty());
            if !is_request || asked.send(()).is_err() {
                continue;
            }
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\
                        Cache-Control: max-age=3600\r\nAccess-Control-Allow-Origin: *\r\n\r\n";
            let _ = stream.write_all(format!("{head}half ").as_bytes());
            let _ = finished.recv();
            let _ = stream.write_all(b"whole");
        }
    });

    let mut kiosk = site.open();
    kiosk.evaluate(&format!(
        "globalThis.first = fetch('{slow}').then((response) => {{ console.log('half'); return response.text(); }}), 0"
    ));
    kiosk.wait_for_console("half");
    fill_http_cache(&mut kiosk);
    kiosk.evaluate(&format!(
        "globalThis.second = fetch('{slow}').then((response) => response.text()), 0"
    ));
    finish.send(()).expect("it waits");
    let both = kiosk.settle("Promise.all([first, second]).then((texts) => texts.join())");
    assert_eq!(both, Ok("half whole,half whole".into()));
    assert_eq!(requests.try_iter().count(), 1, "it was asked for again");
}
