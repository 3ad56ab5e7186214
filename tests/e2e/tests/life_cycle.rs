//! The life cycle of service workers, as far as syncs rest on it.

use background_sync_e2e::{FAST_RETRIES, Kiosk, Site};
use serde_json::json;

/// Waits until `expression` is true in the page, told by its console.
fn wait_until(kiosk: &mut Kiosk, event: &str, expression: &str) {
    kiosk.evaluate(&format!(
        "(() => {{ const check = () => {{ if ({expression}) console.log('now: {event}'); }}; \
         check(); navigator.serviceWorker.addEventListener('{event}', check); }})(), 0"
    ));
    kiosk.wait_for_console(&format!("now: {event}"));
}

#[test]
fn answers_find_their_calls() {
    let site = Site::new("");
    let mut kiosk = site.open();
    // The answer to register() takes the network, the other one does not: it comes first.
    let calls = "Promise.all([navigator.serviceWorker.register('/sw.js', { scope: '/elsewhere/' }), \
         navigator.serviceWorker.getRegistration('/nowhere-else')])\
         .then(([made, found]) => [new URL(made.scope).pathname, new URL(found.scope).pathname])";
    assert_eq!(kiosk.settle(calls), Ok(json!(["/elsewhere/", "/"])));
}

#[test]
fn states_are_seen_in_their_order() {
    let site = Site::new("");
    let mut kiosk = site.open();
    kiosk.evaluate(
        "navigator.serviceWorker.register('/sw.js', { scope: '/states/' }).then((registration) => { \
           const worker = registration.installing; \
           const seen = [worker.state]; \
           worker.onstatechange = () => { seen.push(worker.state); \
             if (worker.state === 'activated') \
               console.log(`states ${seen} ${registration.active === worker} ${registration.waiting}`); }; \
         }), 0",
    );
    kiosk.wait_for_console("states installing,installed,activating,activated true null");
}

#[test]
fn a_worker_that_fails_to_install_is_redundant() {
    let site = Site::new("");
    site.server.serve(
        "/bad.js",
        "text/javascript",
        "oninstall = (event) => event.waitUntil(Promise.reject(new Error('no')));",
    );
    let mut kiosk = site.open();
    kiosk.evaluate(
        "navigator.serviceWorker.register('/bad.js', { scope: '/bad/' }).then((registration) => { \
           const worker = registration.installing; \
           worker.onstatechange = () => console.log(`bad is ${worker.state} ${registration.active}`); \
         }), 0",
    );
    kiosk.wait_for_console("bad is redundant null");
}

#[test]
fn scripts_that_are_missing_or_throw_are_refused() {
    let site = Site::new("");
    site.server.serve(
        "/throws.js",
        "text/javascript",
        "throw new Error('at once');",
    );
    let mut kiosk = site.open();
    for script in ["/missing.js", "/throws.js"] {
        let register =
            format!("navigator.serviceWorker.register('{script}', {{ scope: '/refused/' }})");
        assert_eq!(
            kiosk.settle(&register),
            Err("TypeError".to_owned()),
            "{script}"
        );
    }
    let found = "navigator.serviceWorker.getRegistration('/refused/page').then((it) => new URL(it.scope).pathname)";
    assert_eq!(
        kiosk.settle(found),
        Ok(json!("/")),
        "nothing is left of them"
    );
}

#[test]
fn a_new_version_takes_over_when_it_skips_waiting() {
    let site =
        Site::new("self.addEventListener('sync', (event) => event.waitUntil(post('/old')));");
    let mut kiosk = site.open();
    kiosk.evaluate("registration.onupdatefound = () => console.log('update found'), 0");
    site.serve_worker(
        "self.addEventListener('install', () => skipWaiting()); \
         self.addEventListener('activate', (event) => event.waitUntil(clients.claim())); \
         self.addEventListener('sync', (event) => event.waitUntil(post('/new')));",
    );
    kiosk
        .settle("registration.update().then((it) => it === registration)")
        .map(|same| assert_eq!(same, true))
        .expect("updated");
    kiosk.wait_for_console("update found");
    wait_until(
        &mut kiosk,
        "controllerchange",
        "navigator.serviceWorker.controller && registration.waiting === null",
    );
    kiosk.register_sync("x");
    assert_eq!(site.server.wait_for(1)[0].path, "/new");
}

#[test]
fn a_new_version_waits_for_the_pages_of_the_old_one() {
    let site = Site::new(
        "self.addEventListener('activate', (event) => event.waitUntil(clients.claim()));",
    );
    let mut kiosk = site.open();
    wait_until(
        &mut kiosk,
        "controllerchange",
        "navigator.serviceWorker.controller",
    );
    kiosk.evaluate("window.old = registration.active, 0");
    site.serve_worker("// the new one");
    kiosk.evaluate(
        "registration.update().then((it) => { const worker = it.installing; worker.onstatechange = () => \
         console.log(`new is ${worker.state}; active is old: ${it.active === old}`); }), 0",
    );
    kiosk.wait_for_console("new is installed; active is old: true");
    assert_eq!(kiosk.evaluate("registration.active === old"), true);
    assert_eq!(kiosk.evaluate("registration.waiting !== null"), true);
}

#[test]
fn the_same_script_is_no_new_version() {
    let site = Site::new("");
    let mut kiosk = site.open();
    kiosk.evaluate("window.old = registration.active, 0");
    assert_eq!(
        kiosk.settle(
            "registration.update().then((it) => [it.installing, it.waiting, it.active === old])"
        ),
        Ok(json!([null, null, true]))
    );
}

#[test]
fn the_specifications_example_sends_the_outbox_and_tells_the_pages() {
    // The handler is the specification's, to the letter; the outbox is left to the reader there.
    let site = Site::new(
        r"
const outbox = indexedDB.open('outbox', 1);
outbox.onupgradeneeded = () => outbox.result.createObjectStore('messages', { keyPath: 'id' })
  .put({ id: 1, text: 'hello' });
const opened = new Promise((resolve) => { outbox.onsuccess = () => resolve(outbox.result); });
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
async function getMessagesFromOutbox() {
  return settled((await opened).transaction('messages').objectStore('messages').getAll());
}
async function removeMessagesFromOutbox(messages) {
  const store = (await opened).transaction('messages', 'readwrite').objectStore('messages');
  return Promise.all(messages.map((message) => settled(store.delete(message.id))));
}

self.addEventListener('sync', event => {
  if (event.tag == 'send-chats') {
    event.waitUntil(
      getMessagesFromOutbox().then(messages => {
        // Post the messages to the server
        return fetch('/send', {
          method: 'POST',
          body: JSON.stringify(messages),
          headers: { 'Content-Type': 'application/json' }
        }).then(() => {
          // Success! Remove them from the outbox
          return removeMessagesFromOutbox(messages);
        });
      }).then(() => {
        // Tell pages of your success so they can update UI
        return clients.matchAll({ includeUncontrolled: true });
      }).then(clients => {
        clients.forEach(client => client.postMessage('outbox-processed'))
      })
    );
  }
});
",
    );
    let mut kiosk = site.open();
    kiosk.evaluate(
        "navigator.serviceWorker.addEventListener('message', (event) => console.log(`page heard ${event.data}`)), 0",
    );
    for sent in [json!([{ "id": 1, "text": "hello" }]), json!([])] {
        kiosk.register_sync("send-chats");
        kiosk.wait_for_console("page heard outbox-processed");
        let received = site.server.received();
        assert_eq!(received.last().map(|post| &post.body), Some(&sent));
    }
}

#[test]
fn workers_answer_the_page_that_asked() {
    let site = Site::new(
        "self.addEventListener('message', async (event) => { \
           const all = await clients.matchAll({ includeUncontrolled: true }); \
           event.source.postMessage([event.data, all.length, all[0].url === event.data, all[0].frameType, \
             all[0].id === event.source.id]); });",
    );
    let mut kiosk = site.open();
    kiosk.command("reload");
    kiosk.wait_for_console("page ready");
    kiosk.evaluate(
        "navigator.serviceWorker.onmessage = (event) => console.log(`answer ${JSON.stringify(event.data)}`), \
         registration.active.postMessage(location.href), 0",
    );
    let url = site.server.url("/");
    kiosk.wait_for_console(&format!("answer [\"{url}\",1,true,\"top-level\",true]"));
}

#[test]
fn a_page_that_is_loaded_again_has_a_controller() {
    let site = Site::new("");
    let mut kiosk = site.open();
    assert_eq!(
        kiosk.evaluate("navigator.serviceWorker.controller"),
        json!(null)
    );
    kiosk.command("reload");
    kiosk.wait_for_console("page ready");
    assert_eq!(
        kiosk.evaluate("navigator.serviceWorker.controller === registration.active"),
        true
    );
}

/// Whether a page has used `navigator.serviceWorker` before makes no difference.
#[test]
fn a_page_from_before_the_first_activation_has_no_controller_until_it_is_claimed() {
    let site = Site::new(
        "self.addEventListener('message', (event) => event.waitUntil(clients.claim().then(() => \
           event.source.postMessage('claimed'))));",
    );
    let path = "/frames";
    site.server.serve(
        path,
        "text/html",
        "<!DOCTYPE html><script> \
           const add = () => new Promise((resolve) => { const frame = document.createElement('iframe'); \
             frame.src = '/frame'; frame.onload = () => resolve(frame); document.body.append(frame); }); \
           const controller = (frame) => frame.contentWindow.navigator.serviceWorker.controller; \
           const say = (what, frame) => console.log(`${what}: ${controller(frame)?.state}`); \
           onload = async () => { \
             const [one, two] = [await add(), await add()]; \
             await navigator.serviceWorker.register('/sw.js'); \
             const { active } = await navigator.serviceWorker.ready; \
             if (active.state !== 'activated') \
               await new Promise((resolve) => { active.onstatechange = resolve; }); \
             say('before', one); \
             say('after', await add()); \
             const ofTwo = two.contentWindow.navigator.serviceWorker; \
             navigator.serviceWorker.onmessage = () => { \
               if (ofTwo.controller) say('claimed', two); \
               else ofTwo.oncontrollerchange = () => say('claimed', two); }; \
             active.postMessage(''); \
           }; \
         </script><body>",
    );
    site.server.serve("/frame", "text/html", "<!DOCTYPE html>");
    let mut kiosk = Kiosk::builder().open(&site.server.url(path));
    kiosk.wait_for_console("before: undefined");
    kiosk.wait_for_console("after: activated");
    kiosk.wait_for_console("claimed: activated");
}

#[test]
fn unregistering_the_worker_ends_its_syncs() {
    let site =
        Site::new("self.addEventListener('sync', (event) => event.waitUntil(post('/sync')));");
    let mut kiosk = site.open();
    kiosk.set_network("offline");
    kiosk.register_sync("never");
    assert_eq!(kiosk.settle("registration.unregister()"), Ok(json!(true)));
    kiosk.set_network("online");
    // A new registration of the same scope starts with no syncs.
    assert_eq!(
        kiosk.settle(
            "navigator.serviceWorker.register('/sw.js').then(() => navigator.serviceWorker.getRegistration())\
             .then((it) => it.sync.getTags())"
        ),
        Ok(json!([]))
    );
    assert!(site.server.received().is_empty());
}

#[test]
fn a_worker_that_is_gone_is_started_for_the_next_event() {
    let site = Site::new(
        "self.addEventListener('sync', (event) => { \
           if (event.tag === 'hang') while (true) {} \
           event.waitUntil(post('/sync', event.tag)); });",
    );
    let mut kiosk = site.open_with(
        Kiosk::builder().background_sync(
            &format!("{FAST_RETRIES}event_cap_ms = 500\nmax_attempts = 1\n")
                .replace("max_attempts = 3\n", ""),
        ),
    );
    kiosk.register_sync("hang");
    kiosk.wait_for_sync("finished");
    kiosk.register_sync("next");
    assert_eq!(site.server.wait_for(1)[0].body, "next");
}

#[test]
fn workers_of_an_unregistered_registration_are_redundant() {
    let site = Site::new("");
    let mut kiosk = site.open();
    let story = "(async () => { \
        const worker = registration.active; const seen = []; \
        if (worker.state !== 'activated') await new Promise((done) => { worker.onstatechange = done; }); \
        worker.onstatechange = () => seen.push(worker.state); \
        const found = await registration.unregister(); \
        return [found, seen, worker.state, registration.active, await registration.unregister()]; })()";
    assert_eq!(
        kiosk.settle(story),
        Ok(json!([true, ["redundant"], "redundant", null, true]))
    );
}

#[test]
fn a_page_that_another_origin_redirected_to_has_service_workers() {
    let site =
        Site::new("self.addEventListener('sync', (event) => event.waitUntil(post('/sync')));");
    let port = site.server.port();
    site.server
        .serve_redirect("/moved", &format!("http://localhost:{port}/"));
    let mut kiosk = Kiosk::builder()
        .background_sync(FAST_RETRIES)
        .open(&site.server.url("/moved"));
    kiosk.wait_for_console("page ready");
    assert_eq!(kiosk.evaluate("location.hostname"), "localhost");
    kiosk.register_sync("x");
    assert_eq!(site.server.wait_for(1)[0].path, "/sync");
}
