// META: title=The intervals of periodic syncs
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
// META: script=../background-sync/resources/periodic-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#process-periodic-sync-registrations-algorithm
// Intervals have no upper bound: user agents may make them longer.

interval_test(async (t, target, interval) => {
  const minInterval = 2.5 * interval;
  const start = Date.now();
  await target.periodicSync.register('tag', {minInterval});
  const event = await target.nextEvent();
  assert_equals(event.type, 'periodicsync');
  assert_equals(event.tag, 'tag');
  assert_greater_than_equal(event.time - start, minInterval - toleranceMs);
}, 'The first event comes by itself, not before minInterval');

interval_test(async (t, target, interval) => {
  const start = Date.now();
  await target.periodicSync.register('tag');
  const event = await target.nextEvent();
  assert_greater_than_equal(event.time - start, interval - toleranceMs);
}, 'Without minInterval, the first event does not come before the least interval of the browser');

interval_test(async (t, target, interval) => {
  await target.periodicSync.register('tag', {minInterval: interval});
  let last = await target.nextEvent();
  for (let i = 0; i < 3; ++i) {
    await target.fulfill(last);
    const next = await target.nextEvent();
    assert_greater_than_equal(next.time - last.time, interval - toleranceMs);
    last = next;
  }
  assert_array_equals(await target.periodicSync.getTags(), ['tag']);
}, 'Further events come by themselves, not before minInterval');

interval_test(async (t, target, interval) => {
  await target.periodicSync.register('tag', {minInterval: interval});
  const first = await target.nextEvent();
  // Two intervals during which it can not be fired again. Nothing tells of them.
  await new Promise(resolve => t.step_timeout(resolve, 2 * interval));
  assert_equals(target.events.length, 1);
  const end = Date.now();
  await target.fulfill(first);
  const second = await target.nextEvent();
  assert_greater_than_equal(second.time - end, interval - toleranceMs);
}, 'The interval begins when the event has succeeded, and it is not fired meanwhile');

interval_test(async (t, target, interval) => {
  await target.periodicSync.register('a', {minInterval: interval});
  // Later, so that they are not due at the same time.
  await new Promise(resolve => t.step_timeout(resolve, interval / 2));
  await target.periodicSync.register('b', {minInterval: interval});
  const runs = [];
  for (let i = 0; i < 6; ++i) {
    const event = await target.nextEvent();
    await target.fulfill(event);
    runs.push({tag: event.tag, begin: event.time, end: Date.now()});
  }
  // Either they are due together, or one waits until the interval of the origin is over.
  for (const [i, run] of runs.entries()) {
    const before = runs[i - 1];
    if (before && run.begin > before.end) {
      assert_greater_than_equal(
          run.begin - before.begin, interval - toleranceMs, `from ${before.tag} to ${run.tag}, events ${i} and ${i + 1}`);
    }
  }
  assert_equals(new Set(runs.map(run => run.tag)).size, 2, 'both have fired');
}, 'Two tags of one origin share its least interval');
