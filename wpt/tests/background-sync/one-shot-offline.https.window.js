// META: title=Sync registrations without a network
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/#concepts: what being online means.

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  assert_equals(await target.sync.register('tag'), undefined);
}, 'register() is fulfilled without a network');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.sync.register('tag');
  await target.settle();
  assert_equals(target.events.length, 0);
  await syncBrowser.setOnline(true);
  assert_equals((await target.nextEvent()).tag, 'tag');
}, 'The event waits for the network');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.sync.register('tag');
  await syncBrowser.setOnline(true);
  const event = await target.nextEvent();
  assert_false(event.lastChance, 'waiting for the network is no attempt');
  await target.fulfill(event);
  await target.untilGone('tag');
  assert_equals(target.events.length, 1);
}, 'What waited for the network fires once');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  for (let i = 0; i < 5; ++i) {
    await target.sync.register('tag');
  }
  await Promise.all(Array.from({length: 20}, () => target.sync.register('tag')));
  await syncBrowser.setOnline(true);
  await target.fulfill(await target.nextEvent());
  await target.untilGone('tag');
  assert_equals(target.events.length, 1);
}, 'A tag that is registered many times while it waits fires once');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  const tags = Array.from({length: 30}, (_, i) => `tag ${i}`);
  await Promise.all(tags.map(tag => target.sync.register(tag)));
  await syncBrowser.setOnline(true);
  await Promise.all(tags.map(async tag => target.fulfill(await target.nextEvent({tag}))));
  await target.untilGone();
  assert_equals(target.events.length, tags.length);
}, 'All tags that wait for the network fire');

promise_test(async t => {
  const [a, b] = [await SyncTarget.create(t), await SyncTarget.create(t)];
  await goOffline(t);
  await a.sync.register('tag');
  await b.sync.register('tag');
  await syncBrowser.setOnline(true);
  await a.nextEvent({tag: 'tag'});
  await b.nextEvent({tag: 'tag'});
}, 'The registrations of all service workers fire when the network returns');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  const event = await target.nextEvent();
  await goOffline(t);
  await target.fulfill(event);
  await target.untilGone('tag');
  assert_equals(target.events.length, 1);
}, 'An event that runs while the network goes can succeed');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  const first = await target.nextEvent();
  await goOffline(t);
  await target.sync.register('tag');
  await target.fulfill(first);
  await target.settle();
  assert_equals(target.events.length, 1, 'events without a network');
  assert_array_equals(await target.sync.getTags(), ['tag']);
  await syncBrowser.setOnline(true);
  await target.fulfill(await target.nextEvent());
  await target.untilGone('tag');
}, 'What is registered again while it fires waits for the network, if that has gone');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  const first = await target.nextEvent();
  await target.sync.register('tag');
  await goOffline(t);
  await target.reject(first);
  await target.settle();
  assert_equals(target.events.length, 1, 'events without a network');
  assert_array_equals(await target.sync.getTags(), ['tag']);
  await syncBrowser.setOnline(true);
  const second = await target.nextEvent();
  assert_false(second.lastChance);
  await target.fulfill(second);
  await target.untilGone('tag');
  assert_equals(target.events.length, 2);
}, 'What is registered again while it fires, and fails without a network, waits for it and fires once more');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  const first = await target.nextEvent();
  // Before it fails, so that no retry can come first.
  await goOffline(t);
  await target.reject(first);
  // Without a network no event comes at all, so there is none that could be awaited as the later one.
  await new Promise(resolve => t.step_timeout(resolve, 2 * syncBrowser.retryDelayMs));
  assert_equals(target.events.length, 1, 'events without a network');
  assert_array_equals(await target.sync.getTags(), ['tag']);
  await syncBrowser.setOnline(true);
  const second = await target.nextEvent();
  assert_false(second.lastChance, 'waiting for the network is no attempt');
}, 'A retry that comes due without a network waits for it');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  for (let i = 0; i < 3; ++i) {
    await goOffline(t);
    await target.sync.register('tag');
    await syncBrowser.setOnline(true);
    await target.fulfill(await target.nextEvent());
    await target.untilGone('tag');
  }
  assert_equals(target.events.length, 3);
}, 'The network may come and go');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.sync.register('kept');
  await syncBrowser.setOnline(true);
  const event = await target.nextEvent({tag: 'kept'});
  await syncBrowser.setOnline(false);
  await syncBrowser.setOnline(true);
  await target.registerAndFulfill('later');
  assert_equals(target.eventsOf({tag: 'kept'}).length, 1);
  await target.fulfill(event);
}, 'An event that runs is not fired again when the network returns');
