// META: title=waitUntil() of periodicsync events
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
// META: script=../background-sync/resources/periodic-helpers.js
// META: script=../background-sync/resources/wait-until-tags.js
'use strict';

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#firing-a-periodicsync-event: the extended
// lifetime promises decide whether an attempt has succeeded. An attempt that has not is followed by another one earlier
// than its interval. What the worker does for each tag is in wait-until-worker.js.

const intervals = 8;
const tags = [...succeedingTags, ...failingTags];

// All of them at the same time, so that the intervals have to be waited for once.
let gaps;
async function measure(t, interval) {
  const target = await SyncTarget.create(t, {script: 'wait-until-worker.js'});
  await Promise.all(tags.map(tag => target.periodicSync.register(tag, {minInterval: intervals * interval})));
  const pairs = await Promise.all(tags.map(async tag => {
    const [first, second] = [await target.nextEvent({tag}), await target.nextEvent({tag})];
    return [tag, second.time - first.time];
  }));
  gaps = new Map(pairs);
}

interval_test(async (t, target, interval) => {
  await measure(t, interval);
  assert_equals(gaps.size, tags.length);
}, 'Events come twice, whether they succeed or fail');

for (const tag of succeedingTags) {
  interval_test(async (t, target, interval) => {
    assert_true(gaps !== undefined, 'the first test of this file has passed');
    assert_greater_than_equal(gaps.get(tag), intervals * interval - toleranceMs, 'from the first event to the next');
  }, `The event succeeds: ${tag}`);
}

for (const tag of failingTags) {
  interval_test(async (t, target, interval) => {
    assert_true(gaps !== undefined, 'the first test of this file has passed');
    assert_less_than(gaps.get(tag), intervals * interval - toleranceMs, 'from the first event to the next');
  }, `The event fails and is fired again: ${tag}`);
}
