// META: title=Periodic syncs that are registered again, or unregistered
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
// META: script=../background-sync/resources/periodic-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#dom-periodicsyncmanager-register

interval_test(async (t, target, interval) => {
  const start = Date.now();
  await target.periodicSync.register('tag', {minInterval: 60 * 60 * 1000});
  await target.periodicSync.register('tag', {minInterval: interval});
  const event = await target.nextEvent();
  assert_greater_than_equal(event.time - start, interval - toleranceMs);
}, 'A tag can be registered again with a shorter interval');

interval_test(async (t, target, interval) => {
  await target.periodicSync.register('tag', {minInterval: interval});
  await target.periodicSync.register('tag', {minInterval: 60 * 60 * 1000});
  // It would have come first.
  await target.periodicSync.register('control', {minInterval: interval});
  for (let i = 0; i < 2; ++i) {
    await target.fulfill(await target.nextEvent({tag: 'control'}));
  }
  assert_equals(target.eventsOf({tag: 'tag'}).length, 0);
}, 'A tag can be registered again with a longer interval');

interval_test(async (t, target, interval) => {
  const minInterval = 6 * interval;
  await target.periodicSync.register('tag', {minInterval});
  await target.periodicSync.register('tick', {minInterval: interval});
  await target.fulfill(await target.nextEvent({tag: 'tick'}));
  await target.periodicSync.unregister('tick');
  await target.periodicSync.register('tag', {minInterval});
  await target.periodicSync.register('control', {minInterval});
  assert_equals((await target.nextEvent()).tag, 'tag');
}, 'A tag that is registered again with the same interval does not begin anew');

interval_test(async (t, target, interval) => {
  await target.periodicSync.register('tag', {minInterval: interval});
  await target.periodicSync.register('control', {minInterval: interval});
  await target.periodicSync.unregister('tag');
  for (let i = 0; i < 2; ++i) {
    await target.fulfill(await target.nextEvent({tag: 'control'}));
  }
  assert_equals(target.eventsOf({tag: 'tag'}).length, 0);
}, 'A tag that is unregistered before its interval is over does not fire');
