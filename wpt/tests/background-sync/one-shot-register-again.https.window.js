// META: title=Tags that are registered again
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/#dom-syncmanager-register: what happens to a registration that exists
// depends on its state. Those that wait for the network are in one-shot-offline.https.window.js.

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  let event = await target.nextEvent();
  while (!event.lastChance) {
    await target.reject(event);
    event = await target.nextEvent();
  }
  await target.sync.register('tag');
  await target.reject(event);
  event = await target.nextEvent();
  assert_false(event.lastChance);
  await target.fulfill(event);
  await target.untilGone('tag');
}, 'A tag that is registered again during its last attempt gets a new one, although that fails');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  const first = await target.nextEvent();
  await target.sync.register('tag');
  assert_array_equals(await target.sync.getTags(), ['tag']);
  assert_equals(target.events.length, 1, 'the second event waits for the first');
  await target.fulfill(first);
  await target.fulfill(await target.nextEvent());
  await target.untilGone('tag');
  assert_equals(target.events.length, 2);
}, 'A tag that is registered again while it fires, fires again once its event has succeeded');

promise_test(t => beforeRetry(t, async (target, stepsDone) => {
  // Fails earlier, so its retry is due earlier than one of `tag`.
  await target.sync.register('control');
  await target.reject(await target.nextEvent({tag: 'control'}));
  await target.sync.register('tag');
  const first = await target.nextEvent({tag: 'tag'});
  await target.sync.register('tag');
  await target.reject(first);
  stepsDone();
  await target.nextEvent({tag: 'tag'});
  return target.eventsOf({tag: 'control'}).length === 1;
}), 'A tag that is registered again while it fires, fires again at once although its event has failed');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  const first = await target.nextEvent();
  for (let i = 0; i < 5; ++i) {
    await target.sync.register('tag');
  }
  await target.fulfill(first);
  await target.fulfill(await target.nextEvent());
  await target.untilGone('tag');
  assert_equals(target.events.length, 2);
}, 'A tag that is registered many times while it fires, fires once more');

promise_test(t => beforeRetry(t, async (target, stepsDone) => {
  // Fails earlier, so its retry is due earlier than one of `tag`.
  await target.sync.register('control');
  await target.reject(await target.nextEvent({tag: 'control'}));
  await target.sync.register('tag');
  await target.reject(await target.nextEvent({tag: 'tag'}));
  await target.sync.register('tag');
  stepsDone();
  await target.nextEvent({tag: 'tag'});
  return target.eventsOf({tag: 'control'}).length === 1;
}), 'A tag that is registered again while it waits for a retry fires at once');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  const first = await target.nextEvent();
  // Before it fails, so that no retry can come first.
  await goOffline(t);
  await target.reject(first);
  assert_equals(await target.sync.register('tag'), undefined);
  assert_array_equals(await target.sync.getTags(), ['tag']);
  assert_equals(target.events.length, 1);
  await syncBrowser.setOnline(true);
  await target.fulfill(await target.nextEvent());
  await target.untilGone('tag');
  assert_equals(target.events.length, 2);
}, 'A tag that is registered again while it waits for a retry, without a network, fires once with it');

promise_test(t => beforeRetry(t, async (target, stepsDone) => {
  await target.sync.register('tag');
  await target.reject(await target.nextEvent());
  await target.sync.register('tag');
  stepsDone();
  await target.fulfill(await target.nextEvent());
  await target.untilGone('tag');
  // Fails later, so its retry is due later than the one that `tag` waited for.
  await target.sync.register('control');
  await target.reject(await target.nextEvent({tag: 'control'}));
  await target.nextEvent({tag: 'control'});
  return target.eventsOf({tag: 'tag'}).length === 2;
}), 'A tag that is registered again while it waits for a retry, and succeeds, has no more retry');
