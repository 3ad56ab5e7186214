// META: title=Sync registrations belong to one service worker registration
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/#constructs

promise_test(async t => {
  const [a, b] = [await SyncTarget.create(t), await SyncTarget.create(t)];
  await a.sync.register('tag');
  await b.sync.register('tag');
  const [fromA, fromB] = [await a.nextEvent(), await b.nextEvent()];
  assert_equals(fromA.tag, 'tag');
  assert_equals(fromB.tag, 'tag');
  await a.fulfill(fromA);
  await a.untilGone('tag');
  assert_array_equals(await b.sync.getTags(), ['tag']);
}, 'Two service workers can register the same tag');

promise_test(async t => {
  const [a, b] = [await SyncTarget.create(t), await SyncTarget.create(t)];
  await a.registerAndFulfill('a');
  await b.registerAndFulfill('b');
  assert_array_equals(a.events.map(event => event.tag), ['a']);
  assert_array_equals(b.events.map(event => event.tag), ['b']);
}, 'An event goes to the worker of its registration only');

promise_test(async t => {
  const [a, b] = [await SyncTarget.create(t), await SyncTarget.create(t)];
  await goOffline(t);
  await a.sync.register('a');
  await b.sync.register('b');
  assert_array_equals(await a.sync.getTags(), ['a']);
  assert_array_equals(await b.sync.getTags(), ['b']);
}, 'getTags() lists the tags of its service worker only');

promise_test(async t => {
  const outer = await SyncTarget.create(t);
  const inner = await SyncTarget.create(t, {scope: outer.registration.scope + '/inner'});
  await inner.registerAndFulfill('inner');
  await outer.registerAndFulfill('outer');
  assert_equals(outer.events.length, 1);
  assert_equals(inner.events.length, 1);
}, 'A scope within another has registrations of its own');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.sync.register('tag');
  const {scope} = target.registration;
  await target.registration.unregister();
  await syncBrowser.setOnline(true);
  const again = await SyncTarget.create(t, {scope});
  assert_array_equals(await again.sync.getTags(), []);
  await again.registerAndFulfill('later');
  assert_array_equals(again.events.map(event => event.tag), ['later']);
}, 'unregister() removes what waits for the network');

promise_test(t => beforeRetry(t, async (target, stepsDone) => {
  await target.sync.register('tag');
  await target.reject(await target.nextEvent());
  const {scope} = target.registration;
  await target.registration.unregister();
  stepsDone();
  const again = await SyncTarget.create(t, {scope});
  assert_array_equals(await again.sync.getTags(), []);
  // Its retry is due later than that of the tag which must not fire any more.
  await again.sync.register('control');
  await again.reject(await again.nextEvent({tag: 'control'}));
  await again.nextEvent({tag: 'control'});
  // It hears what happens in its scope, from the start.
  return target.eventsOf({tag: 'tag'}).length === 1;
}), 'unregister() removes what waits for a retry');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  await target.nextEvent();
  const {scope} = target.registration;
  await target.registration.unregister();
  const again = await SyncTarget.create(t, {scope});
  assert_array_equals(await again.sync.getTags(), []);
  await again.registerAndFulfill('tag');
  await again.untilGone('tag');
  assert_equals(again.events.length, 1);
}, 'After unregister() during an event, a new service worker with that scope starts anew');

promise_test(async t => {
  const [a, b] = [await SyncTarget.create(t), await SyncTarget.create(t)];
  await goOffline(t);
  await a.sync.register('tag');
  await b.sync.register('tag');
  await a.registration.unregister();
  await syncBrowser.setOnline(true);
  await b.nextEvent({tag: 'tag'});
  assert_equals(a.events.length, 0);
}, 'unregister() leaves the registrations of other service workers alone');

// Registers the same scope with another script URL: an update. Returns its worker once it is active.
async function update(t, target) {
  const worker = await updateInstalled(t, target, 'skip-waiting-worker.js');
  await wait_for_state(t, worker, 'activated');
  return worker;
}

async function updateInstalled(t, target, script) {
  const {scope} = target.registration;
  const registration = await navigator.serviceWorker.register(syncResources + script, {scope});
  return newestWorker(registration);
}

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.registerAndFulfill('tag');
  await target.untilGone('tag');
  await update(t, target);
  await target.sync.register('tag');
  assert_true((await target.nextEvent()).scriptURL.endsWith('skip-waiting-worker.js'));
}, 'After an update, events go to the new worker');

promise_test(t => beforeRetry(t, async (target, stepsDone) => {
  await target.sync.register('tag');
  await target.reject(await target.nextEvent());
  const old = target.registration.active;
  const worker = await update(t, target);
  stepsDone();
  assert_not_equals(worker, old);
  const event = await target.nextEvent();
  if (!event.scriptURL.endsWith('skip-waiting-worker.js')) {
    return false;
  }
  await target.fulfill(event);
  await target.untilGone('tag');
  return true;
}), 'An update keeps what waits for a retry, and the new worker gets it');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  const worker = await updateInstalled(t, target, 'install-on-message-worker.js');
  t.add_cleanup(() => worker.postMessage('finish'));
  assert_equals(worker.state, 'installing');
  await target.sync.register('tag');
  assert_true((await target.nextEvent()).scriptURL.endsWith('sync-worker.js'));
}, 'While a new worker installs, events go to the active one');
