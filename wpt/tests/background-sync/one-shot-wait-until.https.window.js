// META: title=waitUntil() of sync events
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=../resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/#sync-event: the extended lifetime promises decide whether an attempt has
// succeeded. What the worker does for each tag is in wait-until-worker.js.
const script = 'wait-until-worker.js';

for (const tag of [
  'no waitUntil()',
  'a value that is no promise',
  'a fulfilled promise',
  'a promise that is fulfilled later',
  'a fulfilled thenable',
  'several fulfilled promises',
  'a promise whose rejection is handled',
  'preventDefault()',
  'an exception of the listener',
  'an exception of the listener after a fulfilled promise',
  'a rejected promise that is only returned',
  'a fulfilled promise added later',
]) {
  promise_test(async t => {
    const target = await SyncTarget.create(t, {script});
    await target.sync.register(tag);
    await target.nextEvent();
    await target.untilGone(tag);
    assert_equals(target.events.length, 1);
  }, `The event succeeds: ${tag}`);
}

for (const tag of [
  'a rejected promise',
  'a promise rejected with undefined',
  'a promise that is rejected later',
  'a rejected thenable',
  'a rejected promise before fulfilled ones',
  'a rejected promise after fulfilled ones',
  'a rejected promise in the second listener',
  'a rejected promise in onsync',
  'an exception of the listener after a rejected promise',
  'a rejected promise added while another is pending',
  'a rejected promise added by the reaction to the only one',
  'a rejected promise added by an added one',
]) {
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
