// META: title=PeriodicSyncManager.register(), unregister() and getTags()
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodicsyncmanager-interface

const permission = 'periodic-background-sync';

function periodic_test(test, name) {
  promise_test(async t => {
    await setPermissionForTest(t, permission, 'granted');
    await test(t, await SyncTarget.create(t));
  }, name);
}

periodic_test(async (t, {periodicSync}) => {
  assert_equals(await periodicSync.register('tag', {minInterval: 1000}), undefined);
}, 'register() is fulfilled with undefined');

periodic_test(async (t, target) => {
  assert_true(target.periodicSync instanceof PeriodicSyncManager);
  assert_equals(target.periodicSync, target.periodicSync);
}, 'ServiceWorkerRegistration.periodicSync is always the same object');

periodic_test(async (t, {periodicSync}) => {
  assert_array_equals(await periodicSync.getTags(), []);
  await periodicSync.register('tag');
  assert_array_equals(await periodicSync.getTags(), ['tag']);
}, 'getTags() lists what is registered');

periodic_test(async (t, {periodicSync}) => {
  const tags = ['a', 'b', 'c', '', '__proto__'];
  for (const tag of tags) {
    await periodicSync.register(tag);
  }
  assert_array_equals((await periodicSync.getTags()).sort(), tags.sort());
}, 'getTags() lists all tags');

periodic_test(async (t, {periodicSync}) => {
  const tags = ['b', 'c', 'a'];
  for (const tag of tags) {
    await periodicSync.register(tag);
  }
  assert_array_equals(await periodicSync.getTags(), tags);
}, 'getTags() lists the tags in the order of their registration');

periodic_test(async (t, {periodicSync}) => {
  await periodicSync.register('tag', {minInterval: 1000});
  await periodicSync.register('tag', {minInterval: 1000});
  await periodicSync.register('tag', {minInterval: 2000});
  assert_array_equals(await periodicSync.getTags(), ['tag']);
}, 'A tag that is registered again, with the same or another interval, is there once');

periodic_test(async (t, {periodicSync}) => {
  await Promise.all(Array.from({length: 20}, (_, i) => periodicSync.register('tag', {minInterval: i})));
  assert_array_equals(await periodicSync.getTags(), ['tag']);
}, 'A tag that is registered many times at once is there once');

periodic_test(async (t, {periodicSync}) => {
  // The calls go into a queue, so nothing but the last one has to be awaited.
  periodicSync.register('a');
  periodicSync.register('b');
  periodicSync.unregister('a');
  assert_array_equals(await periodicSync.getTags(), ['b']);
}, 'Calls take effect in their order');

periodic_test(async (t, target) => {
  await target.periodicSync.register('tag');
  await target.registerAndFulfill('one-shot');
  await target.settle();
  assert_equals(target.eventsOf({type: 'periodicsync'}).length, 0);
}, 'A periodic sync does not fire when it is registered, even without an interval');

periodic_test(async (t, target) => {
  await goOffline(t);
  await target.periodicSync.register('tag');
  assert_array_equals(await target.periodicSync.getTags(), ['tag']);
  await syncBrowser.setOnline(true);
  await target.registerAndFulfill('one-shot');
  assert_equals(target.eventsOf({type: 'periodicsync'}).length, 0);
}, 'A periodic sync can be registered without a network, and does not fire when it returns');

periodic_test(async (t, {periodicSync}) => {
  await periodicSync.register('a');
  await periodicSync.register('b');
  assert_equals(await periodicSync.unregister('a'), undefined);
  assert_array_equals(await periodicSync.getTags(), ['b']);
}, 'unregister() removes its tag only');

periodic_test(async (t, {periodicSync}) => {
  await periodicSync.register('tag');
  assert_equals(await periodicSync.unregister('another'), undefined);
  assert_array_equals(await periodicSync.getTags(), ['tag']);
}, 'unregister() of an unknown tag is fulfilled');

periodic_test(async (t, {periodicSync}) => {
  await periodicSync.register('tag');
  await periodicSync.unregister('tag');
  await periodicSync.register('tag');
  assert_array_equals(await periodicSync.getTags(), ['tag']);
}, 'A tag can be registered again after unregister()');

periodic_test(async (t, target) => {
  await goOffline(t);
  await target.sync.register('same');
  await target.periodicSync.register('same');
  assert_array_equals(await target.sync.getTags(), ['same']);
  assert_array_equals(await target.periodicSync.getTags(), ['same']);
  await target.periodicSync.unregister('same');
  assert_array_equals(await target.sync.getTags(), ['same']);
  assert_array_equals(await target.periodicSync.getTags(), []);
}, 'One-shot and periodic registrations with the same tag are apart');

periodic_test(async (t, target) => {
  await target.periodicSync.register('same');
  await target.registerAndFulfill('same');
  await target.untilGone('same');
  assert_array_equals(await target.periodicSync.getTags(), ['same']);
  assert_array_equals(target.events.map(event => event.type), ['sync']);
}, 'The event of a one-shot registration leaves the periodic one with its tag alone');

periodic_test(async (t, a) => {
  const b = await SyncTarget.create(t);
  await a.periodicSync.register('tag');
  assert_array_equals(await b.periodicSync.getTags(), []);
  await b.periodicSync.register('tag');
  await a.periodicSync.unregister('tag');
  assert_array_equals(await b.periodicSync.getTags(), ['tag']);
}, 'Two service workers can register the same tag');

periodic_test(async (t, target) => {
  const {scope} = target.registration;
  await target.periodicSync.register('tag');
  await target.registration.unregister();
  const again = await SyncTarget.create(t, {scope});
  assert_array_equals(await again.periodicSync.getTags(), []);
}, 'unregister() of the service worker removes its periodic syncs');

periodic_test(async (t, target) => {
  await target.command('registerPeriodic', {tag: 'tag', options: {minInterval: 1000}});
  assert_array_equals(await target.periodicSync.getTags(), ['tag']);
  assert_array_equals(await target.command('getPeriodicTags'), ['tag']);
  await target.command('unregisterPeriodic', {tag: 'tag'});
  assert_array_equals(await target.periodicSync.getTags(), []);
}, 'All methods work in the service worker');

for (const tag of ['', 'a\0b', '同期 ☕', ' \t\n', 'x'.repeat(10240)]) {
  periodic_test(async (t, {periodicSync}) => {
    await periodicSync.register(tag);
    assert_array_equals(await periodicSync.getTags(), [tag]);
    await periodicSync.unregister(tag);
    assert_array_equals(await periodicSync.getTags(), []);
  }, `Tag: ${tag.length > 100 ? `${tag.length} characters` : JSON.stringify(tag)}`);
}

periodic_test(async (t, {periodicSync}) => {
  for (const [value, tag] of [[undefined, 'undefined'], [null, 'null'], [42, '42']]) {
    await periodicSync.register(value);
    assert_array_equals(await periodicSync.getTags(), [tag]);
    await periodicSync.unregister(value);
  }
  assert_array_equals(await periodicSync.getTags(), []);
}, 'Conversion of the tag');
