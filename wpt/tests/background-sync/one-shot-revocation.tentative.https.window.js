// META: title=Sync registrations when the permission background-sync is revoked
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// The specification says what register() does once a user has disabled background sync, not what becomes of
// registrations. To a user, disabled means that no event fires.
const name = 'background-sync';

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.sync.register('tag');
  await setPermissionForTest(t, name, 'denied');
  await syncBrowser.setOnline(true);
  await target.settle();
  assert_equals(target.events.length, 0);
}, 'What waits for the network does not fire while denied');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.sync.register('before');
  await setPermissionForTest(t, name, 'denied');
  await syncBrowser.setPermission(name, 'granted');
  await syncBrowser.setOnline(true);
  await target.registerAndFulfill('after');
  assert_array_equals(target.events.map(event => event.tag), ['after']);
}, 'What was registered before it was denied does not fire once it is granted again');
