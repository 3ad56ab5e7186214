//! Nothing grows with use: what a fetch, a sync or a reload has taken goes again.
//!
//! Nobody collects garbage by hand here, and no worker is stopped early: memory is as an unattended device has it. The
//! short form of `./mach bench --soak`, which does more of everything.

use std::fs;

use background_sync_e2e::{Kiosk, Site};

/// Operations that one command asks for: few enough to end within what a test waits for one thing, on any machine.
const AT_ONCE: u32 = 250;
/// Operations until the caches and pools are as large as they get; then twice as many again.
const WARM_UP: u32 = 2_000;

/// Memory that the operations after the warm-up may add, in bytes an operation. The browser that kept the read buffer of
/// each response took 11,000 to 15,000 for a fetch of a page, and 8,000 to 10,000 for a sync.
const MOST_BYTES_A_FETCH: u64 = 9_000;
/// The same for a sync whose handler fetches.
const MOST_BYTES_A_SYNC: u64 = 6_000;

const PAGE: &str = r"
  async function fetches(count) {
    for (let index = 0; index < count; index++) await (await fetch('/answer')).text();
    console.log('done');
  }
  let nextTag = 0;
  async function syncs(count) {
    const counted = new Promise((resolve) => { navigator.serviceWorker.onmessage = resolve; });
    registration.active.postMessage(count);
    // One after the other, as an app does that sends a message now and then.
    for (let index = 0; index < count; index++) await registration.sync.register(`tag ${nextTag++}`);
    await counted;
    console.log('done');
  }
";

const WORKER: &str = r"
  let missing = 0;
  let page;
  self.onmessage = (event) => { missing += event.data; page = event.source; };
  self.onsync = (event) => event.waitUntil((async () => {
    await post('/sync', event.tag);
    missing -= 1;
    if (missing === 0) page.postMessage('counted');
  })());
";

/// Memory of the process that is in no file, in bytes.
fn memory_bytes(kiosk: &Kiosk) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", kiosk.id())).expect("it runs");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    let kib: u64 = number
        .and_then(|number| number.parse().ok())
        .expect("a number");
    kib * 1_024
}

fn site() -> Site {
    let site = Site::new(WORKER);
    site.add_to_page(PAGE);
    site.server.serve("/answer", "text/plain", "");
    site
}

/// Has the page do something so many times.
fn perform(kiosk: &mut Kiosk, function: &str, count: u32) {
    for _ in 0..count / AT_ONCE {
        kiosk.evaluate(&format!("{function}({AT_ONCE}), 0"));
        kiosk.wait_for_console("done");
        kiosk.forget_events();
    }
}

/// How many bytes an operation adds once it has been done often enough.
fn bytes_an_operation(kiosk: &mut Kiosk, function: &str) -> u64 {
    perform(kiosk, function, WARM_UP);
    let before = memory_bytes(kiosk);
    perform(kiosk, function, 2 * WARM_UP);
    let after = memory_bytes(kiosk);
    let added = after.saturating_sub(before) / u64::from(2 * WARM_UP);
    println!("{function}: {before} bytes, then {after}: {added} an operation");
    added
}

#[test]
fn fetches_of_a_page_do_not_add_up() {
    let site = site();
    let mut kiosk = site.open();
    let added = bytes_an_operation(&mut kiosk, "fetches");
    assert!(added <= MOST_BYTES_A_FETCH, "{added} bytes a fetch");
}

#[test]
fn syncs_that_fetch_do_not_add_up() {
    let site = site();
    let mut kiosk = site.open();
    let added = bytes_an_operation(&mut kiosk, "syncs");
    assert!(added <= MOST_BYTES_A_SYNC, "{added} bytes a sync");
}
