// META: title=SyncManager.register() while online
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/#dom-syncmanager-register

promise_test(async t => {
  const target = await SyncTarget.create(t);
  assert_equals(await target.sync.register('tag'), undefined);
}, 'register() is fulfilled with undefined');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  assert_true(target.sync instanceof SyncManager);
  assert_equals(target.sync, target.sync);
}, 'ServiceWorkerRegistration.sync is always the same object');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  const event = await target.nextEvent();
  assert_equals(event.type, 'sync', 'type');
  assert_equals(event.tag, 'tag', 'tag');
}, 'register() fires a sync event with its tag');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  const event = await target.nextEvent();
  assert_equals(event.constructorName, 'SyncEvent', 'constructor');
  assert_true(event.isExtendableEvent, 'instanceof ExtendableEvent');
  assert_true(event.targetIsGlobal, 'target and currentTarget');
  assert_true(event.isTrusted, 'isTrusted');
  assert_false(event.bubbles, 'bubbles');
  assert_false(event.cancelable, 'cancelable');
}, 'The sync event is a trusted SyncEvent at the global object of the worker');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  await target.nextEvent();
  const seen = await target.command('seenByAttributes');
  assert_equals(seen.length, 1);
  assert_array_equals(seen[0], ['sync', 'tag']);
}, 'onsync gets the event');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  const event = await target.nextEvent();
  assert_false(event.lastChance);
}, 'lastChance is false while the event would be retried');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  const order = [];
  const registered = target.sync.register('tag').then(() => order.push('register() fulfilled'));
  const fired = target.nextEvent().then(() => order.push('event'));
  await Promise.all([registered, fired]);
  assert_array_equals(order, ['register() fulfilled', 'event']);
}, 'A page sees register() fulfilled before its worker can tell it of the event');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  const promises = [target.sync.register('tag'), target.sync.register('tag')];
  assert_true(promises[0] instanceof Promise);
  assert_not_equals(promises[0], promises[1]);
  await Promise.all(promises);
}, 'register() returns a promise, another one for each call');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.registerAndFulfill('tag');
  await target.untilGone('tag');
  await target.registerAndFulfill('another tag');
  assert_equals(target.eventsOf({tag: 'tag'}).length, 1);
}, 'A registration fires one event');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  for (let i = 1; i <= 3; ++i) {
    await target.registerAndFulfill('tag');
    await target.untilGone('tag');
    assert_equals(target.events.length, i);
  }
}, 'A tag can be registered again after its event, and fires again');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('a');
  await target.sync.register('b');
  const a = await target.nextEvent({tag: 'a'});
  const b = await target.nextEvent({tag: 'b'});
  assert_not_equals(a.id, b.id);
  await target.fulfill(b);
  await target.untilGone('b');
  assert_array_equals(await target.sync.getTags(), ['a'], 'the first event goes on');
}, 'The events of two tags run at the same time');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  const tags = Array.from({length: 50}, (_, i) => `tag ${i}`);
  await Promise.all(tags.map(tag => target.sync.register(tag)));
  await Promise.all(tags.map(async tag => target.fulfill(await target.nextEvent({tag}))));
  await target.untilGone();
  assert_array_equals(target.events.map(event => event.tag).sort(), tags.sort());
}, 'Each of 50 tags that are registered at once fires once');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await Promise.all(Array.from({length: 20}, () => target.sync.register('tag')));
  // However many of the calls came before the first event: each further event is due to a call that came while an
  // earlier one was firing.
  const first = await target.nextEvent();
  await target.settle();
  assert_equals(target.events.length, 1, 'no second event starts while the first runs');
  target.nextEvent().then(event => target.fulfill(event));
  await target.fulfill(first);
  await target.untilGone();
  assert_less_than_equal(target.events.length, 2);
}, '20 calls with one tag at once fire one event at a time, and at most two');
