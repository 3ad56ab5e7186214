// META: title=Sync events whose listener does not return
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/#sync-event: a user agent may impose a time limit, and an event whose
// worker is terminated has failed. Without either, such a listener keeps a processor busy for ever.
const script = 'endless-worker.js';

promise_test(async t => {
  const target = await SyncTarget.create(t, {script});
  await target.sync.register('loops');
  // The worker can tell of this one only.
  const event = await target.nextEvent({tag: 'loops'});
  assert_true(event.lastChance);
  await target.fulfill(event);
  await target.untilGone('loops');
}, 'A listener that does not return is ended at the time limit, and its event has failed');
