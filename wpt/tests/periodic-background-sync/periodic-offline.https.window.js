// META: title=Periodic syncs that come due without a network
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
// META: script=../background-sync/resources/periodic-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#process-periodic-sync-registrations-algorithm

interval_test(async (t, target, interval) => {
  await goOffline(t);
  await target.periodicSync.register('tag', {minInterval: interval});
  // Without a network no event comes at all, so there is none that could be awaited as the later one.
  await new Promise(resolve => t.step_timeout(resolve, 4 * interval));
  assert_equals(target.events.length, 0, 'events without a network');
  assert_array_equals(await target.periodicSync.getTags(), ['tag']);
  await syncBrowser.setOnline(true);
  assert_equals((await target.nextEvent()).tag, 'tag');
}, 'An event that comes due without a network waits for it');
