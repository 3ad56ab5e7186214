// META: title=Periodic sync events that fail
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
// META: script=../background-sync/resources/periodic-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#firing-a-periodicsync-event: what has
// failed is fired again after a small back-off, up to some number of times.

// So long that no retry can be taken for the next event.
const intervals = 6;

interval_test(async (t, target, interval) => {
  const minInterval = intervals * interval;
  await target.periodicSync.register('tag', {minInterval});
  const events = [];
  while (events.length < syncBrowser.maxAttempts) {
    const event = await target.nextEvent();
    await target.reject(event);
    events.push(event);
    assert_array_equals(await target.periodicSync.getTags(), ['tag'], `after attempt ${events.length}`);
  }
  for (let i = 1; i < events.length; ++i) {
    const delay = events[i].time - events[i - 1].time;
    const leastDelay = syncBrowser.retryDelayMs * syncBrowser.retryFactor ** (i - 1);
    assert_between_inclusive(delay, leastDelay - toleranceMs, minInterval - toleranceMs, `before attempt ${i + 1}`);
  }
  const next = await target.nextEvent();
  const last = events[events.length - 1];
  assert_greater_than_equal(next.time - last.time, minInterval - toleranceMs);
}, 'A failed event is fired again after a back-off, up to the number of attempts, and then after its interval');

interval_test(async (t, target, interval) => {
  const minInterval = intervals * interval;
  await target.periodicSync.register('tag', {minInterval});
  const first = await target.nextEvent();
  await target.reject(first);
  const second = await target.nextEvent();
  assert_less_than(second.time - first.time, minInterval - toleranceMs);
  await target.fulfill(second);
  const third = await target.nextEvent();
  assert_greater_than_equal(third.time - second.time, minInterval - toleranceMs);
}, 'A failed event that succeeds when it is fired again, comes next after its interval');
