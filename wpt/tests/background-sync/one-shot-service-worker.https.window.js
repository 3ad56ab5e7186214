// META: title=Sync registrations of service workers
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

const script = 'life-cycle-worker.js';

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.command('register', {tag: 'tag'});
  assert_equals((await target.nextEvent()).tag, 'tag');
}, 'A service worker can register a tag, and gets the event');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.command('register', {tag: 'tag'});
  assert_array_equals(await target.sync.getTags(), ['tag']);
}, 'getTags() in a page lists what the service worker has registered');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.sync.register('tag');
  await target.command('register', {tag: 'tag'});
  await syncBrowser.setOnline(true);
  await target.fulfill(await target.nextEvent());
  await target.untilGone('tag');
  assert_equals(target.events.length, 1);
}, 'A tag that a page and the service worker register is the same');

promise_test(async t => {
  const target = await SyncTarget.create(t, {script});
  assert_equals((await target.command('outcomes')).install, 'InvalidStateError');
}, 'During installation register() is rejected with InvalidStateError');

promise_test(async t => {
  const target = await SyncTarget.create(t, {script});
  assert_equals((await target.command('outcomes')).activate, 'fulfilled');
  const event = await target.nextEvent({tag: 'activate'});
  assert_equals(event.workerState, 'activated');
}, 'During activation register() is fulfilled, and the event comes after activation');

promise_test(async t => {
  const target = await SyncTarget.create(t, {script});
  for (const tag of ['a', 'b', 'c']) {
    await target.command('registerAndNote', {tag});
    await target.nextEvent({tag});
  }
  const order = (await target.command('order')).filter(step => !step.endsWith('activate'));
  assert_array_equals(
      order, ['fulfilled a', 'event a', 'fulfilled b', 'event b', 'fulfilled c', 'event c']);
}, 'A service worker sees register() fulfilled before the event');

promise_test(async t => {
  const target = await SyncTarget.create(t, {script});
  await target.sync.register('then another');
  await target.nextEvent({tag: 'another'});
}, 'A tag can be registered during the event of another');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  const first = await target.nextEvent();
  await target.command('register', {tag: 'tag'});
  await target.fulfill(first);
  await target.fulfill(await target.nextEvent());
  await target.untilGone('tag');
  assert_equals(target.events.length, 2);
}, 'A tag that the service worker registers during its event fires once more');
