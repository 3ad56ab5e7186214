// META: title=Sync events of an origin without a window
// META: timeout=long
// META: script=/common/get-host-info.sub.js
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

const remoteOrigin = get_host_info().HTTPS_REMOTE_ORIGIN;

promise_test(async t => {
  const opened = await RemoteWindow.auxiliary(t, remoteOrigin);
  await opened.registerWorker();
  await goOffline(t);
  await opened.command('register', {tag: 'later'});
  opened.close();
  await syncBrowser.setOnline(true);
  // The event needs no window. This one is there to see what the worker has seen, and may come before the event.
  const frame = await RemoteWindow.frame(t, remoteOrigin);
  opened.leaveWorkerTo(frame);
  while (!(await frame.inWorker('seenTags')).includes('later')) {
    await new Promise(resolve => step_timeout(resolve, 10));
  }
}, 'What an auxiliary window has registered fires after it is closed');

promise_test(async t => {
  const opened = await RemoteWindow.auxiliary(t, remoteOrigin);
  await opened.registerWorker();
  const frame = await RemoteWindow.frame(t, remoteOrigin);
  opened.leaveWorkerTo(frame);
  assert_equals(await frame.command('register', {tag: 'first'}), undefined);
  opened.close();
  // Nothing tells when the window is gone.
  let error;
  while (!error) {
    await frame.command('register', {tag: 'second'}).catch(thrown => error = thrown);
  }
  assert_equals(error.name, 'InvalidAccessError');
}, 'A cross-origin frame can no longer register once the last window of its origin is closed');
