// META: title=The permission periodic-background-sync
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#permission and
// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#respond-to-permission-revocation
const name = 'periodic-background-sync';

promise_test(async t => {
  const status = await navigator.permissions.query({name});
  assert_true(status instanceof PermissionStatus);
  assert_in_array(status.state, ['granted', 'denied', 'prompt']);
}, 'navigator.permissions.query() knows it');

promise_test(async t => {
  await setPermissionForTest(t, name, 'granted');
  assert_equals((await navigator.permissions.query({name})).state, 'granted');
  await syncBrowser.setPermission(name, 'denied');
  assert_equals((await navigator.permissions.query({name})).state, 'denied');
}, 'navigator.permissions.query() follows its state');

promise_test(async t => {
  await setPermissionForTest(t, name, 'denied');
  const {periodicSync} = await SyncTarget.create(t);
  await promise_rejects_dom(t, 'NotAllowedError', periodicSync.register('tag'));
  assert_array_equals(await periodicSync.getTags(), []);
}, 'Denied, register() is rejected with NotAllowedError');

promise_test(async t => {
  await setPermissionForTest(t, name, 'denied');
  const target = await SyncTarget.create(t);
  await promise_rejects_name('NotAllowedError', target.command('registerPeriodic', {tag: 'tag'}), 'register()');
}, 'Denied, register() in the service worker is rejected with NotAllowedError');

promise_test(async t => {
  await setPermissionForTest(t, name, 'denied');
  const registration = await registerInstallingWorker(t);
  await promise_rejects_dom(t, 'InvalidStateError', registration.periodicSync.register('tag'));
}, 'The check for an active worker comes before the one for the permission');

promise_test(async t => {
  await setPermissionForTest(t, name, 'denied');
  const {periodicSync} = await SyncTarget.create(t);
  assert_equals(await periodicSync.unregister('tag'), undefined);
  assert_array_equals(await periodicSync.getTags(), []);
}, 'Denied, unregister() and getTags() are fulfilled');

promise_test(async t => {
  await setPermissionForTest(t, name, 'denied');
  const target = await SyncTarget.create(t);
  await target.registerAndFulfill('tag');
}, 'Denied, one-shot syncs work');

promise_test(async t => {
  await setPermissionForTest(t, name, 'granted');
  const {periodicSync} = await SyncTarget.create(t);
  await periodicSync.register('a');
  await periodicSync.register('b');
  await syncBrowser.setPermission(name, 'denied');
  assert_array_equals(await periodicSync.getTags(), []);
}, 'Revocation removes all registrations');

promise_test(async t => {
  await setPermissionForTest(t, name, 'granted');
  const {periodicSync} = await SyncTarget.create(t);
  await periodicSync.register('tag');
  await syncBrowser.setPermission(name, 'denied');
  await syncBrowser.setPermission(name, 'granted');
  assert_array_equals(await periodicSync.getTags(), []);
  await periodicSync.register('tag');
  assert_array_equals(await periodicSync.getTags(), ['tag']);
}, 'What revocation has removed does not return when it is granted again');

promise_test(async t => {
  await setPermissionForTest(t, name, 'granted');
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.sync.register('tag');
  await syncBrowser.setPermission(name, 'denied');
  assert_array_equals(await target.sync.getTags(), ['tag']);
  await syncBrowser.setOnline(true);
  await target.nextEvent({type: 'sync', tag: 'tag'});
}, 'Revocation leaves one-shot registrations alone');

promise_test(async t => {
  await setPermissionForTest(t, name, 'granted');
  const target = await SyncTarget.create(t);
  await target.periodicSync.register('tag');
  await syncBrowser.firePeriodicSync(target.registration, 'tag');
  const event = await target.nextEvent({type: 'periodicsync'});
  await syncBrowser.setPermission(name, 'denied');
  assert_array_equals(await target.periodicSync.getTags(), []);
  await target.fulfill(event);
  await target.settle();
  assert_array_equals(await target.periodicSync.getTags(), []);
}, 'A registration that revocation has removed during its event stays away');
