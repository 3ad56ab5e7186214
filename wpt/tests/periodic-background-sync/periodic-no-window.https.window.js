// META: title=Periodic sync events of an origin without a window
// META: script=/common/get-host-info.sub.js
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
// META: script=../background-sync/resources/periodic-helpers.js
'use strict';

const remoteOrigin = get_host_info().HTTPS_REMOTE_ORIGIN;

interval_test(async (t, _, interval) => {
  const opened = await RemoteWindow.auxiliary(t, remoteOrigin);
  await opened.setPermissionForTest(t, 'periodic-background-sync', 'granted');
  await opened.registerWorker();
  await opened.command('registerPeriodic', {tag: 'tag', options: {minInterval: interval}});
  opened.close();
  let found = false;
  for (let i = 0; i < 10 && !found; ++i) {
    // To ask the worker takes a frame, and that is a page of its origin. So there is nothing to wait for.
    await new Promise(resolve => t.step_timeout(resolve, 3 * interval));
    const frame = await RemoteWindow.frame(t, remoteOrigin);
    opened.leaveWorkerTo(frame);
    found = (await frame.inWorker('tagsWithoutClient')).includes('tag');
    if (!found) {
      // It may have come while this frame was there.
      await frame.inWorker('fulfillAll');
      frame.leaveWorkerTo(opened);
      frame.close();
    }
  }
  assert_true(found, 'there was an event');
}, 'What an auxiliary window has registered fires after it is closed, without any page of its origin');
