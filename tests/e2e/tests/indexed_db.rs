//! What an outbox relies on: transactions that are all or nothing, and indexes that find what was stored.

#![cfg(feature = "offline")]

use std::process::Command;

use background_sync_e2e::{Kiosk, Site};
use serde_json::json;

/// Promises for databases, transactions and requests.
const HELPERS: &str = include_str!("../pages/indexed_db.js");

fn open(site: &Site) -> Kiosk {
    site.add_to_page(HELPERS);
    site.open()
}

#[test]
fn what_an_aborted_transaction_wrote_is_gone() {
    let site = Site::new("");
    let mut kiosk = open(&site);
    let found = kiosk.run(r"const database = await open('aborts', 1, (database) => database.createObjectStore('messages'));
        const kept = store(database, 'readwrite');
        kept.put('kept', 1);
        const first = await end(kept.transaction);
        const messages = store(database, 'readwrite');
        messages.put('changed', 1);
        await result(messages.put('new', 2));
        messages.transaction.abort();
        const second = await end(messages.transaction);
        return [first, second, await all(database)];",
    );
    assert_eq!(found, json!(["complete", "aborted", ["kept"]]));
}

#[test]
fn a_failed_request_undoes_its_transaction() {
    let site = Site::new("");
    let mut kiosk = open(&site);
    let found = kiosk.run(r"const database = await open('errors', 1, (database) => database.createObjectStore('messages'));
        const messages = store(database, 'readwrite');
        messages.put('first', 1);
        messages.add('again', 1);
        messages.put('second', 2);
        return [await end(messages.transaction), await all(database)];",
    );
    assert_eq!(found, json!(["ConstraintError", []]));
}

#[test]
fn requests_of_an_aborted_transaction_end_with_an_error() {
    let site = Site::new("");
    let mut kiosk = open(&site);
    let found = kiosk.run(r"const database = await open('pending', 1, (database) => database.createObjectStore('messages'));
        const messages = store(database, 'readwrite');
        const request = messages.put('never', 1);
        const failed = new Promise((resolve) => { request.onerror = () => resolve(request.error.name); });
        messages.transaction.abort();
        return [await failed, await end(messages.transaction)];",
    );
    assert_eq!(found, json!(["AbortError", "aborted"]));
}

#[test]
fn an_aborted_upgrade_leaves_the_old_version_and_its_stores() {
    let site = Site::new("");
    let mut kiosk = open(&site);
    let found = kiosk.run(
        r"const database = await mailbox('upgrades');
        database.close();
        const failed = await open('upgrades', 2, (database, transaction) => {
          database.createObjectStore('more').put(1, 1);
          transaction.objectStore('messages').put({ to: 'Alan' });
          transaction.objectStore('messages').deleteIndex('to');
          transaction.abort();
        }).then(() => 'opened', (error) => error.name);
        const again = await open('upgrades');
        const found = [failed, again.version, [...again.objectStoreNames],
          [...store(again).indexNames], (await all(again)).length];
        again.close();
        return found;",
    );
    assert_eq!(found, json!(["AbortError", 1, ["messages"], ["to"], 3]));
}

/// Dexie opens one when it opens a database.
#[test]
fn a_transaction_without_requests_completes_in_a_service_worker_too() {
    let site = Site::new(&format!(
        "{HELPERS}
         onmessage = async ({{ source }}) => {{
           const database = await mailbox('empty');
           const empty = database.transaction('messages');
           const messages = store(database, 'readwrite');
           messages.put({{ to: 'Alan' }});
           source.postMessage([await end(empty), await end(messages.transaction)]);
         }};"
    ));
    let mut kiosk = site.open();
    let ended = kiosk.settle(
        "new Promise((resolve) => { \
           navigator.serviceWorker.onmessage = ({ data }) => resolve(data); \
           registration.active.postMessage(null); \
         })",
    );
    assert_eq!(ended, Ok(json!(["complete", "complete"])));
}

#[test]
fn keys_are_generated_once_for_each_record() {
    let site = Site::new("");
    let mut kiosk = open(&site);
    let found = kiosk.run(
        r"const database = await mailbox('keys');
        const one = store(database, 'readwrite');
        const two = store(database, 'readwrite');
        const ids = await Promise.all([one.add({ to: 'x' }), two.add({ to: 'y' })].map(result));
        const stored = await all(database);
        return [ids, stored.map(({ id, to }) => id + to)];",
    );
    assert_eq!(
        found,
        json!([[4, 5], ["1Ada", "2Grace", "3Ada", "4x", "5y"]])
    );
}

#[test]
fn an_index_finds_records_by_their_keys() {
    let site = Site::new("");
    let mut kiosk = open(&site);
    let found = kiosk.run(
        r"const database = await mailbox('finds');
        const to = store(database).index('to');
        const answers = await Promise.all([
          to.get('Ada'), to.getKey('Grace'), to.getAllKeys(), to.count('Ada'), to.getAll('Ada', 1),
          to.get('Nobody'),
        ].map(result));
        return [answers[0].id, answers[1], answers[2], answers[3], answers[4].map(({ id }) => id),
          answers[5] ?? 'nothing'];",
    );
    assert_eq!(found, json!([1, 2, [1, 3, 2], 2, [1], "nothing"]));
}

#[test]
fn cursors_of_an_index_go_in_every_direction() {
    let site = Site::new("");
    let mut kiosk = open(&site);
    kiosk.run("window.database = await mailbox('walks')");
    for (direction, expected) in [
        (
            "next",
            json!([["Ada", 1, 1], ["Ada", 3, 3], ["Grace", 2, 2]]),
        ),
        ("nextunique", json!([["Ada", 1, 1], ["Grace", 2, 2]])),
        (
            "prev",
            json!([["Grace", 2, 2], ["Ada", 3, 3], ["Ada", 1, 1]]),
        ),
        ("prevunique", json!([["Grace", 2, 2], ["Ada", 1, 1]])),
    ] {
        let body = format!("return walk(store(database).index('to'), '{direction}')");
        assert_eq!(kiosk.run(&body), expected, "{direction}");
    }
    let ranged = "return walk(store(database).index('to'), 'next', IDBKeyRange.only('Grace'))";
    assert_eq!(kiosk.run(ranged), json!([["Grace", 2, 2]]));
}

#[test]
fn a_cursor_updates_and_deletes() {
    let site = Site::new("");
    let mut kiosk = open(&site);
    let found = kiosk.run(
        r"const database = await mailbox('changes');
        const messages = store(database, 'readwrite');
        const request = messages.index('to').openCursor('Ada');
        let cursor = await result(request);
        await result(cursor.update({ ...cursor.value, to: 'Zuse' }));
        cursor.continue();
        cursor = await result(request);
        await result(cursor.delete());
        await end(messages.transaction);
        return [(await all(database)).map(({ id, to }) => id + to),
          await walk(store(database).index('to'), 'next')];",
    );
    assert_eq!(
        found,
        json!([["1Zuse", "2Grace"], [["Grace", 2, 2], ["Zuse", 1, 1]]])
    );
}

#[test]
fn a_unique_index_refuses_what_it_has() {
    let site = Site::new("");
    let mut kiosk = open(&site);
    let found = kiosk.run(
        r"const database = await open('unique', 1, (database) => {
          const messages = database.createObjectStore('messages');
          messages.createIndex('token', 'token', { unique: true });
        });
        const first = store(database, 'readwrite');
        first.put({ token: 'a' }, 1);
        // The record itself may keep its key.
        first.put({ token: 'a', again: true }, 1);
        await end(first.transaction);
        const second = store(database, 'readwrite');
        second.put({ token: 'b' }, 2);
        second.put({ token: 'a' }, 3);
        const ended = await end(second.transaction);
        const third = store(database, 'readwrite');
        third.put({ token: 'b' }, 2);
        const refused = await result(third.put({ token: 'a' }, 3)).catch((error) => error.name);
        await end(third.transaction);
        return [ended, refused, await result(store(database).index('token').getAllKeys())];",
    );
    assert_eq!(found, json!(["ConstraintError", "ConstraintError", [1, 2]]));
}

#[test]
fn a_multi_entry_index_has_each_element_once() {
    let site = Site::new("");
    let mut kiosk = open(&site);
    let found = kiosk.run(
        r"const database = await open('tags', 1, (database) => {
          const messages = database.createObjectStore('messages', { keyPath: 'id' });
          messages.createIndex('tags', 'tags', { multiEntry: true });
        });
        const messages = store(database, 'readwrite');
        messages.put({ id: 1, tags: ['a', 'b', 'a', {}] });
        messages.put({ id: 2, tags: 'b' });
        await end(messages.transaction);
        return walk(store(database).index('tags'), 'next');",
    );
    assert_eq!(found, json!([["a", 1, 1], ["b", 1, 1], ["b", 2, 2]]));
}

#[test]
fn a_new_index_has_the_records_that_are_there() {
    let site = Site::new("");
    let mut kiosk = open(&site);
    let found = kiosk.run(
        r"(await mailbox('filled')).close();
        let during;
        const database = await open('filled', 2, (database, transaction) => {
          const messages = transaction.objectStore('messages');
          const index = messages.createIndex('pair', ['to', 'id']);
          during = result(index.getAllKeys());
          messages.put({ to: 'Alan' });
        });
        const found = [await during, await result(store(database).index('pair').getAllKeys())];
        database.close();
        const refused = await open('filled', 3, (database, transaction) => {
          transaction.objectStore('messages').createIndex('once', 'to', { unique: true });
        }).catch((error) => error.name);
        return [...found, refused, (await open('filled')).version];",
    );
    assert_eq!(found, json!([[1, 3, 2], [1, 3, 4, 2], "AbortError", 2]));
}

#[test]
fn a_page_that_is_closed_takes_its_transaction_with_it() {
    let site = Site::new("");
    let mut kiosk = open(&site);
    kiosk.run(
        r"window.database = await mailbox('closed');
        const messages = store(database, 'readwrite');
        await result(messages.put({ to: 'nobody' }));
        // Keeps the transaction alive.
        const again = () => { messages.get(1).onsuccess = again; };
        again();",
    );
    kiosk.command(&format!("open {}", site.server.url("/?again")));
    kiosk.wait_for_console("page ready");
    let found = kiosk.run(
        r"const database = await open('closed');
        const messages = store(database, 'readwrite');
        messages.put({ to: 'Alan' });
        await end(messages.transaction);
        return (await all(database)).map(({ to }) => to);",
    );
    assert_eq!(found, json!(["Ada", "Grace", "Ada", "Alan"]));
}

#[test]
fn a_killed_kiosk_has_stored_all_or_nothing() {
    let site = Site::new("");
    site.add_to_page(HELPERS);
    let profile = tempfile::tempdir().expect("a writable folder");
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    kiosk.run(
        r"window.database = await mailbox('killed');
        database.close();
        // An upgrade that never ends: it has done its work, and goes on reading.
        const request = indexedDB.open('killed', 2);
        await new Promise((resolve) => request.onupgradeneeded = () => {
          request.result.createObjectStore('more').put(1, 1);
          const messages = request.transaction.objectStore('messages');
          messages.put({ to: 'nobody' }).onsuccess = resolve;
          const again = () => { messages.get(1).onsuccess = again; };
          again();
        });",
    );
    kiosk.kill();

    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    let found = kiosk.run(
        r"const database = await open('killed');
        return [database.version, [...database.objectStoreNames],
          (await all(database)).length, await result(store(database).index('to').count())];",
    );
    assert_eq!(found, json!([1, ["messages"], 3, 3]));
}

/// Makes of each database what Servo as published leaves: indexes without records.
const WITHOUT_INDEX_RECORDS: &str = r"
import pathlib, sqlite3, sys
files = list(pathlib.Path(sys.argv[1]).rglob('indexeddb.sqlite'))
for file in files:
    connection = sqlite3.connect(file)
    connection.execute('DELETE FROM index_data')
    connection.execute('DROP INDEX index_data_by_record')
    connection.execute('PRAGMA user_version = 0')
    connection.commit()
    connection.close()
print(len(files))
";

/// Python, because the build of Servo needs it anyway, and it has SQLite with it.
#[test]
fn the_indexes_of_an_older_database_are_filled_once() {
    let site = Site::new("");
    site.add_to_page(HELPERS);
    let profile = tempfile::tempdir().expect("a writable folder");
    let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
    kiosk.run("(await mailbox('older')).close()");
    kiosk.quit();
    let output = Command::new("python3")
        .args(["-c", WITHOUT_INDEX_RECORDS])
        .arg(profile.path())
        .output()
        .expect("it is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "1",
        "{errors}"
    );

    for expected in [3, 4] {
        let mut kiosk = site.open_with(Kiosk::with_fast_retries(profile.path()));
        let found = kiosk.run(
            r"const database = await open('older');
            const found = await walk(store(database).index('to'), 'next');
            const messages = store(database, 'readwrite');
            messages.put({ to: 'Zuse' });
            await end(messages.transaction);
            return found;",
        );
        let found = found.as_array().expect("keys").clone();
        assert_eq!(found.len(), expected, "{found:?}");
        assert_eq!(found[..2], [json!(["Ada", 1, 1]), json!(["Ada", 3, 3])]);
        kiosk.quit();
    }
}
