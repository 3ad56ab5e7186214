// META: title=waitUntil() of sync events
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
// META: script=resources/wait-until-tags.js
'use strict';

// https://wicg.github.io/background-sync/spec/#sync-event: the extended lifetime promises decide whether an attempt has
// succeeded. The tags are in wait-until-tags.js, what the worker does for each in wait-until-worker.js.
const script = 'wait-until-worker.js';

for (const tag of succeedingTags) {
  promise_test(async t => {
    const target = await SyncTarget.create(t, {script});
    await target.sync.register(tag);
    await target.nextEvent();
    await target.untilGone(tag);
    assert_equals(target.events.length, 1);
  }, `The event succeeds: ${tag}`);
}

for (const tag of failingTags) {
  promise_test(async t => {
    const target = await SyncTarget.create(t, {script});
    await target.sync.register(tag);
    await target.nextEvent();
    await target.nextEvent();
  }, `The event fails and is fired again: ${tag}`);
}

for (const tag of ['after the event', 'after its promises']) {
  promise_test(async t => {
    const target = await SyncTarget.create(t, {script});
    await target.sync.register(tag);
    assert_equals((await target.nextEvent({type: 'waitUntil'})).exception, 'InvalidStateError');
    await target.untilGone(tag);
    assert_equals(target.eventsOf({type: 'sync'}).length, 1);
  }, `waitUntil() throws InvalidStateError ${tag}, and the event succeeds`);
}

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  const event = await target.nextEvent();
  const later = await target.command('extend', event);
  await target.fulfill(event);
  assert_array_equals(await target.sync.getTags(), ['tag'], 'one promise is pending');
  await target.sync.register('tag');
  await target.settle();
  assert_equals(target.events.length, 1, 'no event while the first runs');
  await target.fulfill({id: later});
  await target.nextEvent();
}, 'The event runs until all its promises are settled');
