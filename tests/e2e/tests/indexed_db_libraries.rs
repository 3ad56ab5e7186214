//! Libraries on IndexedDB, unmodified from npm: they put, query by index, and roll back.

#![cfg(feature = "offline")]

use background_sync_e2e::{Kiosk, PAGE, Site, serve_from_npm};
use serde_json::json;

const IDB: &str = "idb/build/umd.js";
const DEXIE: &str = "dexie/dist/dexie.js";
const LOCALFORAGE: &str = "localforage/dist/localforage.js";
const WORKBOX_CORE: &str = "workbox-core/build/workbox-core.prod.js";
const WORKBOX: &str = "workbox-background-sync-7/build/workbox-background-sync.prod.js";

/// A kiosk with a page that has loaded `library`; `None` without npm.
fn with_library(library: &str) -> Option<(Site, Kiosk)> {
    let site = Site::new("");
    let page = PAGE.replace(
        "<body>",
        &format!("<body><script src='/npm/{library}'></script>"),
    );
    site.server.serve("/", "text/html", &page);
    if !serve_from_npm(&site.server, &[library]) {
        return None;
    }
    let kiosk = site.open();
    Some((site, kiosk))
}

#[test]
fn idb_reads_by_index() {
    let Some((_site, mut kiosk)) = with_library(IDB) else {
        return;
    };
    let found = kiosk.run(r"const database = await idb.openDB('outbox', 1, {
          upgrade(database) {
            const messages = database.createObjectStore('messages', { keyPath: 'id', autoIncrement: true });
            messages.createIndex('to', 'to');
          },
        });
        const to = ['Ada', 'Grace', 'Ada'];
        // Each in a transaction of its own, all at once.
        const ids = await Promise.all(to.map((to) => database.add('messages', { to })));
        const aborted = database.transaction('messages', 'readwrite');
        aborted.store.put({ to: 'nobody' }).catch(() => {});
        const done = aborted.done.catch((error) => error.name);
        aborted.abort();
        const found = [ids, await done];
        found.push((await database.getAllFromIndex('messages', 'to', 'Ada')).map(({ id }) => id));
        found.push(await database.getAllKeysFromIndex('messages', 'to'));
        found.push(await database.countFromIndex('messages', 'to', 'Ada'));
        found.push(await database.getKeyFromIndex('messages', 'to', 'Grace'));
        const walked = [];
        for await (const cursor of database.transaction('messages').store.index('to').iterate(null, 'prev'))
          walked.push(cursor.primaryKey);
        return [...found, walked];",
    );
    let expected = json!([[1, 2, 3], "AbortError", [1, 3], [1, 3, 2], 2, 2, [2, 3, 1]]);
    assert_eq!(found, expected);
}

#[test]
fn dexie_queries_and_rolls_back() {
    let Some((_site, mut kiosk)) = with_library(DEXIE) else {
        return;
    };
    let found = kiosk.run(r"const database = new Dexie('outbox');
        database.version(1).stores({ messages: '++id, to, *tags, [to+urgent], &token' });
        const { messages } = database;
        await messages.bulkAdd([
          { to: 'Ada', tags: ['a', 'b'], urgent: 1, token: 'x' },
          { to: 'Grace', tags: ['b'], urgent: 0, token: 'y' },
          { to: 'Ada', tags: [], urgent: 0, token: 'z' },
        ]);
        const ids = (found) => found.map(({ id }) => id);
        const found = [
          ids(await messages.where('to').equals('Ada').toArray()),
          ids(await messages.where('tags').equals('b').toArray()),
          ids(await messages.where({ to: 'Ada', urgent: 0 }).toArray()),
          ids(await messages.where('to').startsWithIgnoreCase('gr').toArray()),
          ids(await messages.orderBy('to').reverse().toArray()),
          await messages.where('to').anyOf('Ada', 'Grace').count(),
        ];
        const refused = await messages.add({ to: 'Alan', token: 'x' }).catch((error) => error.name);
        const rolledBack = await database.transaction('rw', messages, async () => {
          await messages.put({ to: 'nobody', token: 'w' });
          throw new TypeError('no');
        }).catch((error) => error.name);
        await messages.where('to').equals('Ada').modify({ to: 'Lovelace' });
        await messages.where('to').equals('Grace').delete();
        return [...found, refused, rolledBack, (await messages.toArray()).map(({ id, to }) => id + to)];",
    );
    let expected = json!([
        [1, 3],
        [1, 2],
        [3],
        [2],
        [2, 3, 1],
        3,
        "ConstraintError",
        "TypeError",
        ["1Lovelace", "3Lovelace"]
    ]);
    assert_eq!(found, expected);
}

#[test]
fn dexie_upgrades_a_database_that_has_records() {
    let Some((_site, mut kiosk)) = with_library(DEXIE) else {
        return;
    };
    let found = kiosk.run(r"const first = new Dexie('outbox');
        first.version(1).stores({ messages: '++id' });
        await first.messages.bulkAdd([{ to: 'Grace' }, { to: 'Ada' }]);
        first.close();
        const second = new Dexie('outbox');
        second.version(1).stores({ messages: '++id' });
        second.version(2).stores({ messages: '++id, to' }).upgrade((transaction) =>
          transaction.table('messages').toCollection().modify((message) => { message.state = 'new'; }));
        const found = await second.messages.orderBy('to').toArray();
        return found.map(({ id, to, state }) => `${id} ${to} ${state}`);",
    );
    assert_eq!(found, json!(["2 Ada new", "1 Grace new"]));
}

#[test]
fn localforage_keeps_items() {
    let Some((_site, mut kiosk)) = with_library(LOCALFORAGE) else {
        return;
    };
    let found = kiosk.run(
        r"await localforage.setItem('two', { list: [1, 2] });
        await localforage.setItem('one', 1);
        await localforage.removeItem('none');
        const iterated = [];
        await localforage.iterate((value, key) => { iterated.push(key); });
        const other = localforage.createInstance({ storeName: 'other' });
        await other.setItem('key', new Uint8Array([1, 2]));
        return [localforage.driver(), await localforage.keys(), iterated,
          await localforage.getItem('two'), [...await other.getItem('key')]];",
    );
    let expected = json!([
        "asyncStorage",
        ["one", "two"],
        ["one", "two"],
        { "list": [1, 2] },
        [1, 2]
    ]);
    assert_eq!(found, expected);
}

/// Sends what the page says, and queues it if that fails.
const WORKBOX_WORKER: &str = r"
  const queue = new workbox.backgroundSync.Queue('outbox');
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
      await queue.pushRequest({ request });
      return `queued ${(await queue.getAll()).length}`;
    }
  }
";

/// Its queue is an index of an object store, of which it shifts the first and pushes back what fails.
#[test]
fn workbox_7_replays_its_queue() {
    let site = Site::new(&format!(
        "importScripts('/npm/{WORKBOX_CORE}', '/npm/{WORKBOX}');{WORKBOX_WORKER}"
    ));
    if !serve_from_npm(&site.server, &[WORKBOX_CORE, WORKBOX]) {
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
    for (count, text) in ["one", "two", "three"].into_iter().enumerate() {
        assert_eq!(
            send(&mut kiosk, text),
            format!("queued {} {text}", count + 1)
        );
    }
    kiosk.set_network("online");
    let bodies: Vec<_> = site
        .server
        .wait_for(4)
        .into_iter()
        .map(|sent| sent.body)
        .collect();
    assert_eq!(bodies, ["online", "one", "two", "three"]);
    kiosk.wait_for("the event to succeed", |event| {
        event["outcome"] == "Fulfilled"
    });
    assert_eq!(site.server.received_count(), 4);
}
