// META: title=Sync events that fail
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/#sync-event: "fire a sync event"

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  const first = await target.nextEvent();
  await target.reject(first);
  const second = await target.nextEvent();
  assert_equals(second.tag, 'tag');
  await target.fulfill(second);
  await target.untilGone('tag');
  assert_equals(target.events.length, 2);
}, 'A failed event is fired again, until it succeeds');

promise_test(t => beforeRetry(t, async (target, stepsDone) => {
  await target.sync.register('tag');
  await target.reject(await target.nextEvent());
  await target.registerAndFulfill('another tag');
  stepsDone();
  const notAtOnce = target.eventsOf({tag: 'tag'}).length === 1;
  await target.nextEvent({tag: 'tag'});
  return notAtOnce;
}), 'A failed event is fired again later, not at once');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  const lastChances = [];
  for (let i = 0; i < syncBrowser.maxAttempts; ++i) {
    const event = await target.nextEvent();
    lastChances.push(event.lastChance);
    assert_array_equals(await target.sync.getTags(), ['tag'], `during attempt ${i + 1}`);
    await target.reject(event);
  }
  const expected = Array(syncBrowser.maxAttempts).fill(false);
  expected[expected.length - 1] = true;
  assert_array_equals(lastChances, expected);
  await target.untilGone('tag');
  assert_equals(target.events.length, syncBrowser.maxAttempts);
}, 'lastChance is true on the last attempt only, and after it the registration is gone');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  for (;;) {
    const event = await target.nextEvent();
    await target.reject(event);
    if (event.lastChance) {
      break;
    }
  }
  await target.untilGone('tag');
  const before = target.events.length;
  await target.sync.register('tag');
  const event = await target.nextEvent();
  assert_false(event.lastChance);
  assert_equals(target.events.length, before + 1);
}, 'A tag that has used up its attempts can be registered again, with all of them');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  let event = await target.nextEvent();
  while (!event.lastChance) {
    await target.reject(event);
    event = await target.nextEvent();
  }
  await target.fulfill(event);
  await target.untilGone('tag');
  assert_equals(target.events.length, syncBrowser.maxAttempts);
}, 'The last attempt can succeed');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('fails');
  await target.reject(await target.nextEvent({tag: 'fails'}));
  await target.registerAndFulfill('succeeds');
  await target.untilGone('succeeds');
  assert_array_equals(await target.sync.getTags(), ['fails']);
  await target.fulfill(await target.nextEvent({tag: 'fails'}));
  await target.untilGone();
  assert_equals(target.eventsOf({tag: 'succeeds'}).length, 1);
}, 'The failure of one tag leaves the others alone');
