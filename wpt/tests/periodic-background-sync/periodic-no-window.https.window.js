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
  // To ask the worker takes a frame, and that is a page of its origin. So there is nothing to wait for meanwhile.
  let last = opened;
  for (let i = 0; i < 10; ++i) {
    last.close();
    await new Promise(resolve => t.step_timeout(resolve, 3 * interval));
    const frame = await RemoteWindow.frame(t, remoteOrigin);
    last.leaveWorkerTo(frame);
    if ((await frame.inWorker('tagsWithoutClient')).includes('tag')) {
      return;
    }
    // It may have come while this frame was there.
    await frame.inWorker('fulfillAll');
    last = frame;
  }
  assert_unreached('there was no event');
}, 'What an auxiliary window has registered fires after it is closed, without any page of its origin');
