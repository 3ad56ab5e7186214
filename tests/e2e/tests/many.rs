//! Many registrations of many origins, again and again: all are delivered, the page stays responsive, and memory does
//! not grow.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use background_sync_e2e::{Kiosk, KioskBuilder, PATIENCE, Site};
use serde_json::json;

const ORIGINS: usize = 20;
const TAGS: usize = 50;
/// Offline periods of which every delivery is looked at.
const DELIVERIES: usize = 2;
/// Offline periods after which memory is looked at.
const CYCLES: usize = 10;
/// Registrations of one cycle.
const REGISTRATIONS: usize = ORIGINS * TAGS;

/// A script in the page must be answered within this time while everything is delivered.
const RESPONSIVE: Duration = Duration::from_secs(1);

/// Memory after all cycles, in percent of what it was after the second.
const MOST_MEMORY_PERCENT: u64 = 105;

const POSTING_WORKER: &str =
    "self.addEventListener('sync', (event) => event.waitUntil(post('/sync', event.tag)));";

/// Registers all tags when its opener says so, with the number of the cycle in the tag.
const WINDOW: &str = r"<!DOCTYPE html><meta charset=utf-8><script>
  async function start() {
    await navigator.serviceWorker.register('/sw.js');
    window.registration = await navigator.serviceWorker.ready;
    console.log(`ready ${location.hostname}`);
  }
  addEventListener('message', async (event) => {
    const { cycle, tags } = event.data;
    try {
      await Promise.all(Array.from({ length: tags }, (_, tag) =>
        registration.sync.register(`cycle ${cycle} tag ${tag}`)));
      console.log(`registered ${location.hostname} ${cycle}`);
    } catch (error) {
      console.log(`failed ${location.hostname} ${cycle}: ${error}`);
    }
  });
  start().catch((error) => console.log(`failed ${location.hostname}: ${error}`));
</script>";

fn host(number: usize) -> String {
    format!("origin-{number}.localhost")
}

/// Opens a window of each origin beside the page.
fn open(site: &Site, mut builder: KioskBuilder) -> Kiosk {
    site.server.serve("/window", "text/html", WINDOW);
    builder = builder.background_sync("retry = \"standard\"\n");
    for number in 0..ORIGINS {
        builder = builder.host(&host(number));
    }
    let mut kiosk = site.open_with(builder);
    kiosk.evaluate("window.windows = [], 0");
    for number in 0..ORIGINS {
        let url = format!("http://{}:{}/window", host(number), site.server.port());
        kiosk.evaluate(&format!("windows.push(open({url:?})), 0"));
        kiosk.wait_for_console(&format!("ready {}", host(number)));
    }
    kiosk
}

/// Resident memory of the process, in KiB.
fn memory_kib(kiosk: &Kiosk) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", kiosk.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a number")
}

/// An offline period in which each origin registers all its tags.
fn register_offline(kiosk: &mut Kiosk, cycle: usize) {
    kiosk.set_network("offline");
    kiosk.evaluate(&format!(
        "windows.forEach((it) => it.postMessage({{ cycle: {cycle}, tags: {TAGS} }}, '*')), 0"
    ));
    for number in 0..ORIGINS {
        kiosk.wait_for_console(&format!("registered {} {cycle}", host(number)));
    }
}

/// Waits until all events of a cycle have succeeded.
fn wait_for_all(kiosk: &mut Kiosk) {
    for _ in 0..REGISTRATIONS {
        let finished = kiosk.wait_for_sync("finished");
        assert_eq!(finished["outcome"], "Fulfilled", "{finished}");
    }
    kiosk.forget_events();
}

fn assert_nothing_is_left(kiosk: &mut Kiosk) {
    let line = kiosk.command("syncs");
    let left = kiosk.wait_for("the list of syncs", |event| event["command"] == line);
    assert_eq!(left["registrations"], json!([]));
}

/// Asks the page again and again until the server has received as many requests; returns the longest wait.
fn ask_until_received(kiosk: &mut Kiosk, site: &Site, count: usize) -> Duration {
    let mut longest = Duration::ZERO;
    let deadline = Instant::now() + PATIENCE * 2;
    while site.server.received_count() < count {
        let asked = Instant::now();
        assert_eq!(kiosk.evaluate("1 + 1"), 2);
        longest = longest.max(asked.elapsed());
        assert!(
            Instant::now() < deadline,
            "{} of {count} requests arrived",
            site.server.received_count()
        );
    }
    longest
}

#[test]
fn a_thousand_registrations_of_twenty_origins_are_delivered_and_the_page_stays_responsive() {
    let site = Site::new(POSTING_WORKER);
    let mut kiosk = open(&site, Kiosk::builder());
    for cycle in 0..DELIVERIES {
        register_offline(&mut kiosk, cycle);
        let before = cycle * REGISTRATIONS;
        assert_eq!(
            site.server.received_count(),
            before,
            "nothing arrives offline"
        );
        kiosk.set_network("online");
        let longest = ask_until_received(&mut kiosk, &site, before + REGISTRATIONS);
        println!("the longest wait for a script: {longest:?}");
        assert!(longest < RESPONSIVE, "a script took {longest:?}");
        wait_for_all(&mut kiosk);
    }
    let mut arrived: HashMap<(String, String), usize> = HashMap::new();
    for request in site.server.received() {
        let tag = request.body.as_str().expect("a tag").to_owned();
        *arrived.entry((request.host, tag)).or_default() += 1;
    }
    assert_eq!(arrived.len(), DELIVERIES * REGISTRATIONS);
    let twice = arrived.iter().find(|(_, count)| **count != 1);
    assert_eq!(twice, None, "each registration is delivered once");
    assert_nothing_is_left(&mut kiosk);
}

#[test]
fn ten_offline_periods_of_a_thousand_registrations_leave_no_memory_behind() {
    let site = Site::new(POSTING_WORKER);
    // What is garbage in a worker is collected with it; pages are told to.
    let builder = Kiosk::builder()
        .flag("--pref")
        .flag("dom_serviceworker_idle_timeout_seconds=1")
        .flag("--pref")
        .flag("expose_servointernals_globally");
    let mut kiosk = open(&site, builder);
    let mut memory = Vec::new();
    for cycle in 0..CYCLES {
        register_offline(&mut kiosk, cycle);
        kiosk.set_network("online");
        wait_for_all(&mut kiosk);
        kiosk.wait_for_worker_threads(0);
        kiosk.evaluate("navigator.servo.garbageCollectAllContexts(), 0");
        // The same thread answers this after it.
        kiosk.evaluate("0");
        memory.push(memory_kib(&kiosk));
    }
    assert_nothing_is_left(&mut kiosk);
    println!("KiB after each cycle: {memory:?}");
    let (second, last) = (memory[1], memory[CYCLES - 1]);
    assert!(
        last * 100 <= second * MOST_MEMORY_PERCENT,
        "memory grew from {second} KiB after two cycles to {last} KiB after {CYCLES}: {memory:?}"
    );
}
