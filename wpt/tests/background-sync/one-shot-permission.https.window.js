// META: title=The permission background-sync
// META: timeout=long
// META: script=/common/get-host-info.sub.js
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/#permission
const name = 'background-sync';

promise_test(async t => {
  const status = await navigator.permissions.query({name});
  assert_true(status instanceof PermissionStatus);
}, 'navigator.permissions.query() knows it');

promise_test(async t => {
  assert_equals((await navigator.permissions.query({name})).state, 'granted');
}, 'It is granted by default');

promise_test(async t => {
  await setPermissionForTest(t, name, 'denied');
  assert_equals((await navigator.permissions.query({name})).state, 'denied');
  await syncBrowser.setPermission(name, 'granted');
  assert_equals((await navigator.permissions.query({name})).state, 'granted');
}, 'navigator.permissions.query() follows its state');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await setPermissionForTest(t, name, 'denied');
  await promise_rejects_dom(t, 'NotAllowedError', target.sync.register('tag'));
  assert_array_equals(await target.sync.getTags(), []);
}, 'Denied, register() is rejected with NotAllowedError');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await setPermissionForTest(t, name, 'denied');
  await promise_rejects_name('NotAllowedError', target.command('register', {tag: 'tag'}), 'register()');
}, 'Denied, register() in the service worker is rejected with NotAllowedError');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await setPermissionForTest(t, name, 'denied');
  await promise_rejects_dom(t, 'NotAllowedError', target.sync.register('tag'));
  await syncBrowser.setPermission(name, 'granted');
  await target.sync.register('tag');
  await target.nextEvent({tag: 'tag'});
}, 'Granted again, register() works again');

promise_test(async t => {
  const registration = await registerInstallingWorker(t);
  await setPermissionForTest(t, name, 'denied');
  await promise_rejects_dom(t, 'InvalidStateError', registration.sync.register('tag'));
}, 'The check for an active worker comes before the one for the permission');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await setPermissionForTest(t, name, 'denied');
  await promise_rejects_js(t, TypeError, target.sync.register());
}, 'The conversion of the tag comes before the check for the permission');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await setPermissionForTest(t, name, 'denied');
  assert_array_equals(await target.sync.getTags(), []);
}, 'Denied, getTags() is fulfilled');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('tag');
  const event = await target.nextEvent();
  await setPermissionForTest(t, name, 'denied');
  await promise_rejects_dom(t, 'NotAllowedError', target.sync.register('tag'));
  await target.fulfill(event);
  await target.untilGone('tag');
  await syncBrowser.setPermission(name, 'granted');
  await target.registerAndFulfill('later');
  assert_equals(target.eventsOf({tag: 'tag'}).length, 1);
}, 'Denied during its event, a tag can not be registered again');

promise_test(async t => {
  const remoteOrigin = get_host_info().HTTPS_REMOTE_ORIGIN;
  const remote = await RemoteWindow.frame(t, remoteOrigin);
  await remote.setPermissionForTest(t, name, 'denied');
  await remote.registerWorker();
  await promise_rejects_name('NotAllowedError', remote.command('register', {tag: 'tag'}), 'register()');
}, 'The check for the permission comes before the one for a window');
