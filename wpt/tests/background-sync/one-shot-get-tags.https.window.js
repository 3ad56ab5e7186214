// META: title=SyncManager.getTags()
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/#dom-syncmanager-gettags

promise_test(async t => {
  const target = await SyncTarget.create(t);
  assert_array_equals(await target.sync.getTags(), []);
}, 'getTags() is empty before the first registration');

promise_test(async t => {
  const registration = await registerInstallingWorker(t);
  assert_equals(registration.active, null);
  assert_array_equals(await registration.sync.getTags(), []);
}, 'getTags() is fulfilled without an active worker');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.sync.register('tag');
  assert_array_equals(await target.sync.getTags(), ['tag']);
}, 'getTags() lists a tag that waits for the network');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  await target.nextEvent();
  assert_array_equals(await target.sync.getTags(), ['tag']);
}, 'getTags() lists a tag whose event runs');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.registerAndFulfill('tag');
  await target.untilGone('tag');
  assert_array_equals(await target.sync.getTags(), []);
}, 'getTags() does not list a tag whose event has succeeded');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  await target.reject(await target.nextEvent());
  assert_array_equals(await target.sync.getTags(), ['tag']);
}, 'getTags() lists a tag that waits for its next attempt');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.sync.register('tag');
  await target.sync.register('tag');
  assert_array_equals(await target.sync.getTags(), ['tag']);
}, 'getTags() lists a tag once that was registered twice');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  const tags = ['a', 'b', 'c', '1', ''];
  for (const tag of tags) {
    await target.sync.register(tag);
  }
  assert_array_equals((await target.sync.getTags()).sort(), tags.sort());
}, 'getTags() lists all tags');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  const tags = ['b', 'c', 'a'];
  for (const tag of tags) {
    await target.sync.register(tag);
  }
  assert_array_equals(await target.sync.getTags(), tags);
}, 'getTags() lists the tags in the order of their registration');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.sync.register('tag');
  const tags = await target.sync.getTags();
  assert_true(Array.isArray(tags));
  tags.push('mine');
  assert_array_equals(await target.sync.getTags(), ['tag']);
}, 'getTags() makes a new array for each call');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.sync.register('tag');
  const again = await navigator.serviceWorker.getRegistration(target.registration.scope);
  assert_array_equals(await again.sync.getTags(), ['tag']);
}, 'getTags() works on what getRegistration() returns');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.sync.register('tag');
  assert_array_equals(await target.command('getTags'), ['tag']);
}, 'getTags() in the service worker lists what a page has registered');
