// META: title=periodicsync events
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#firing-a-periodicsync-event

const permission = 'periodic-background-sync';

function periodic_test(test, name) {
  promise_test(async t => {
    await setPermissionForTest(t, permission, 'granted');
    const target = await SyncTarget.create(t);
    await target.periodicSync.register('tag');
    await test(t, target);
  }, name);
}

async function fire(target, tag = 'tag') {
  await syncBrowser.firePeriodicSync(target.registration, tag);
  return target.nextEvent({type: 'periodicsync', tag});
}

periodic_test(async (t, target) => {
  const event = await fire(target);
  assert_equals(event.type, 'periodicsync', 'type');
  assert_equals(event.tag, 'tag', 'tag');
  assert_equals(event.lastChance, undefined, 'lastChance');
}, 'A periodic sync fires a periodicsync event with its tag');

periodic_test(async (t, target) => {
  const event = await fire(target);
  assert_equals(event.constructorName, 'PeriodicSyncEvent', 'constructor');
  assert_true(event.isExtendableEvent, 'instanceof ExtendableEvent');
  assert_true(event.targetIsGlobal, 'target and currentTarget');
  assert_true(event.isTrusted, 'isTrusted');
  assert_false(event.bubbles, 'bubbles');
  assert_false(event.cancelable, 'cancelable');
}, 'The event is a trusted PeriodicSyncEvent at the global object of the worker');

periodic_test(async (t, target) => {
  await fire(target);
  const seen = await target.command('seenByAttributes');
  assert_equals(seen.length, 1);
  assert_array_equals(seen[0], ['periodicsync', 'tag']);
}, 'onperiodicsync gets the event');

periodic_test(async (t, target) => {
  const event = await fire(target);
  assert_array_equals(await target.periodicSync.getTags(), ['tag'], 'during the event');
  await target.fulfill(event);
  await target.settle();
  assert_array_equals(await target.periodicSync.getTags(), ['tag'], 'after the event');
}, 'A registration stays when its event has succeeded');

periodic_test(async (t, target) => {
  const event = await fire(target);
  await target.reject(event);
  await target.settle();
  assert_array_equals(await target.periodicSync.getTags(), ['tag']);
}, 'A registration stays when its event has failed');

periodic_test(async (t, target) => {
  for (let i = 0; i < 3; ++i) {
    await target.fulfill(await fire(target));
  }
  assert_equals(target.events.length, 3);
}, 'A registration fires again and again');

periodic_test(async (t, target) => {
  const event = await fire(target);
  await target.periodicSync.unregister('tag');
  assert_array_equals(await target.periodicSync.getTags(), []);
  await target.fulfill(event);
  await target.settle();
  assert_array_equals(await target.periodicSync.getTags(), []);
}, 'A registration that is removed during its event stays away');

periodic_test(async (t, target) => {
  const event = await fire(target);
  await target.periodicSync.register('tag');
  await target.fulfill(event);
  await target.registerAndFulfill('one-shot');
  assert_array_equals(await target.periodicSync.getTags(), ['tag']);
  assert_equals(target.eventsOf({type: 'periodicsync'}).length, 1);
}, 'Unlike a one-shot sync, one that is registered again during its event does not fire again at once');

periodic_test(async (t, target) => {
  const event = await fire(target);
  await target.periodicSync.register('tag', {minInterval: 48 * 60 * 60 * 1000});
  await target.fulfill(event);
  await target.settle();
  assert_array_equals(await target.periodicSync.getTags(), ['tag']);
}, 'The interval can be changed during the event');

periodic_test(async (t, target) => {
  await target.periodicSync.register('another tag');
  const event = await fire(target, 'another tag');
  assert_equals(event.tag, 'another tag');
  await target.fulfill(event);
  await target.registerAndFulfill('one-shot');
  assert_equals(target.eventsOf({tag: 'tag'}).length, 0);
}, 'The event of one tag is not that of another');

periodic_test(async (t, target) => {
  await target.sync.register('tag');
  const sync = await target.nextEvent({type: 'sync'});
  const periodic = await fire(target);
  assert_equals(sync.tag, periodic.tag);
  await target.fulfill(sync);
  await target.untilGone('tag');
  assert_array_equals(await target.periodicSync.getTags(), ['tag']);
  await target.fulfill(periodic);
}, 'A one-shot and a periodic sync with the same tag can run at the same time');

periodic_test(async (t, target) => {
  const event = await fire(target);
  await target.sync.register('one-shot');
  await target.fulfill(await target.nextEvent({type: 'sync'}));
  await target.untilGone('one-shot');
  await target.fulfill(event);
}, 'A one-shot sync can be registered, and run, during a periodicsync event');
