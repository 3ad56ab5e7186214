// META: title=Periodic sync events whose listener does not return
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
// META: script=../background-sync/resources/periodic-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#security: the time limit is one on
// execution, too.
const script = 'endless-worker.js';

interval_test(async (t, _, interval) => {
  const target = await SyncTarget.create(t, {script});
  const begins = [];
  const channel = new BroadcastChannel('endless');
  t.add_cleanup(() => channel.close());
  const begunTwice = new Promise(resolve => channel.onmessage = ({data}) => {
    if (begins.push(data) === 2) {
      resolve();
    }
  });
  await target.periodicSync.register('loops', {minInterval: interval});
  await begunTwice;
  assert_greater_than_equal(begins[1] - begins[0], syncBrowser.eventCapMs - toleranceMs);
  await target.periodicSync.unregister('loops');
  assert_array_equals(await target.periodicSync.getTags(), []);
}, 'A listener that does not return is ended at the time limit, and its event is fired again');
