//! Workers built on libraries that nobody here wrote, unmodified from npm.

use background_sync_e2e::{Answer, Kiosk, PAGE, Site, serve_from_npm};
use serde_json::{Value, json};

const IDB: &str = "idb/build/umd.js";
/// The last release whose queue needs no cursor over an index: those of this Servo go over the object store instead, so
/// that later ones find their queue empty.
const WORKBOX: &str =
    "workbox-background-sync/build/importScripts/workbox-background-sync.prod.v2.1.3.js";

/// The outbox that page and worker share.
const OUTBOX: &str = r"
  const outbox = () => idb.openDB('outbox', 1, {
    upgrade(database) {
      database.createObjectStore('messages', { keyPath: 'id', autoIncrement: true });
    },
  });
";

/// Sends what is in the outbox, in order.
const IDB_WORKER: &str = r"
  self.addEventListener('sync', (event) => {
    if (event.tag === 'outbox') event.waitUntil(send());
  });
  async function send() {
    const database = await outbox();
    for (const message of await database.getAll('messages')) {
      await post('/outbox', message.text);
      await database.delete('messages', message.id);
    }
    database.close();
  }
";

/// Sends what the page says, and queues it if that fails.
const WORKBOX_WORKER: &str = r"
  const queue = new workbox.backgroundSync.Queue({ queueName: 'outbox' });
  self.addEventListener('message', (event) => event.waitUntil(send(event.data).then(
    (how) => event.source.postMessage(`${how} ${event.data}`),
    (error) => event.source.postMessage(`failed: ${error}`))));
  async function send(text) {
    const request = new Request('/outbox', {
      method: 'POST', body: JSON.stringify(text), headers: { 'Content-Type': 'application/json' },
    });
    try {
      await fetch(request.clone());
      return 'sent';
    } catch {
      await queue.pushIntoQueue({ request });
      return 'queued';
    }
  }
";

/// A site with a page that can write to the outbox; `None` without npm.
fn idb_site() -> Option<Site> {
    let site = Site::new(&format!("importScripts('/npm/{IDB}');{OUTBOX}{IDB_WORKER}"));
    let scripts = format!(
        r"<body><script src='/npm/{IDB}'></script><script>{OUTBOX}
          async function write(text) {{
            const database = await outbox();
            await database.add('messages', {{ text }});
            database.close();
            await registration.sync.register('outbox');
          }}
        </script>"
    );
    let page = PAGE.replace("<body>", &scripts);
    site.server.serve("/", "text/html", &page);
    serve_from_npm(&site.server, &[IDB]).then_some(site)
}

fn write_three(kiosk: &mut Kiosk) {
    for text in ["one", "two", "three"] {
        kiosk.settle(&format!("write('{text}')")).expect("stored");
    }
}

fn bodies(site: &Site, count: usize) -> Vec<Value> {
    let received = site.server.wait_for(count);
    received.into_iter().map(|request| request.body).collect()
}

#[test]
fn idb_delivers_what_was_written_offline_after_the_page_is_closed() {
    let Some(site) = idb_site() else { return };
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    write_three(&mut kiosk);
    kiosk.close_window();
    // One failure on the way: the second message, and what follows it, is sent by the next attempt.
    site.server
        .answer_next([Answer::Status(200), Answer::Status(503)]);
    kiosk.set_network("online");
    assert_eq!(bodies(&site, 4), ["one", "two", "two", "three"]);
    kiosk.wait_for("the second attempt to succeed", |event| {
        event["kind"] == "finished" && event["next"] == "Removed"
    });
    assert_eq!(site.server.received_count(), 4);
}

#[test]
fn idb_delivers_after_a_power_cut_with_no_page_open() {
    let Some(site) = idb_site() else { return };
    let profile = tempfile::tempdir().expect("a writable folder");
    let builder = || Kiosk::with_fast_retries(profile.path());
    let mut kiosk = site.open_with(builder());
    kiosk.set_network("offline");
    write_three(&mut kiosk);
    kiosk.kill();

    let mut kiosk = builder().open("about:blank");
    assert_eq!(bodies(&site, 3), ["one", "two", "three"]);
    kiosk.wait_for("the event to succeed", |event| {
        event["outcome"] == "Fulfilled"
    });
}

#[test]
fn workbox_replays_its_queue_after_an_offline_period() {
    let site = Site::new(&format!("importScripts('/npm/{WORKBOX}');{WORKBOX_WORKER}"));
    if !serve_from_npm(&site.server, &[WORKBOX]) {
        return;
    }
    let mut kiosk = site.open();
    kiosk.evaluate(
        "navigator.serviceWorker.onmessage = (event) => console.log(`worker: ${event.data}`), 0",
    );
    let send = |kiosk: &mut Kiosk, text: &str| {
        kiosk.evaluate(&format!("registration.active.postMessage('{text}'), 0"));
        kiosk.wait_for_report("worker: ")
    };
    assert_eq!(send(&mut kiosk, "online"), "sent online");
    kiosk.set_network("offline");
    for text in ["one", "two", "three"] {
        assert_eq!(send(&mut kiosk, text), format!("queued {text}"));
        // It does not wait for its registration itself.
        kiosk.wait_for_sync("registered");
    }
    assert_eq!(
        kiosk.settle("registration.sync.getTags()"),
        Ok(json!(["SW_BACKGROUND_QUEUE_TAG_outbox"]))
    );
    kiosk.close_window();
    kiosk.set_network("online");
    assert_eq!(bodies(&site, 4), ["online", "one", "two", "three"]);
    kiosk.wait_for("the event to succeed", |event| {
        event["kind"] == "finished" && event["next"] == "Removed"
    });
    assert_eq!(site.server.received_count(), 4);
}
