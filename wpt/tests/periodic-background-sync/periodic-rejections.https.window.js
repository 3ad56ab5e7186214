// META: title=PeriodicSyncManager: rejections, and who may register
// META: timeout=long
// META: script=/common/get-host-info.sub.js
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#dom-periodicsyncmanager-register

const permission = 'periodic-background-sync';
const remoteOrigin = get_host_info().HTTPS_REMOTE_ORIGIN;

promise_test(async t => {
  await setPermissionForTest(t, permission, 'granted');
  const registration = await registerInstallingWorker(t);
  await promise_rejects_dom(t, 'InvalidStateError', registration.periodicSync.register('tag'));
}, 'Without an active worker register() is rejected with InvalidStateError');

promise_test(async t => {
  const registration = await registerInstallingWorker(t);
  assert_array_equals(await registration.periodicSync.getTags(), []);
}, 'Without an active worker getTags() is fulfilled');

promise_test(async t => {
  const registration = await registerInstallingWorker(t);
  assert_equals(await registration.periodicSync.unregister('tag'), undefined);
}, 'Without an active worker unregister() is fulfilled');

promise_test(async t => {
  const {periodicSync} = await SyncTarget.create(t);
  await promise_rejects_js(t, TypeError, periodicSync.register());
  await promise_rejects_js(t, TypeError, periodicSync.unregister());
}, 'Without an argument register() and unregister() are rejected with TypeError');

promise_test(async t => {
  const {periodicSync} = await SyncTarget.create(t);
  await promise_rejects_js(t, TypeError, periodicSync.register(Symbol('tag')));
  await promise_rejects_js(t, TypeError, periodicSync.unregister(Symbol('tag')));
}, 'With a symbol register() and unregister() are rejected with TypeError');

promise_test(async t => {
  await setPermissionForTest(t, permission, 'granted');
  const target = await SyncTarget.create(t);
  const frame = await with_iframe(syncResources + 'frame.html');
  t.add_cleanup(() => frame.remove());
  const {serviceWorker} = frame.contentWindow.navigator;
  const registration = await serviceWorker.getRegistration(target.registration.scope);
  await registration.periodicSync.register('tag');
  assert_array_equals(await target.periodicSync.getTags(), ['tag']);
}, 'A same-origin frame can register');

promise_test(async t => {
  const remote = await RemoteWindow.frame(t, remoteOrigin);
  await remote.setPermissionForTest(t, permission, 'granted');
  await remote.registerWorker();
  await promise_rejects_name(
      'InvalidAccessError', remote.command('registerPeriodic', {tag: 'tag'}), 'register()');
  assert_array_equals(await remote.command('getPeriodicTags'), []);
}, 'In a cross-origin frame register() is rejected with InvalidAccessError');

promise_test(async t => {
  const remote = await RemoteWindow.frame(t, remoteOrigin);
  await remote.setPermissionForTest(t, permission, 'granted');
  await remote.registerWorker();
  await promise_rejects_name(
      'InvalidAccessError', remote.inWorker('registerPeriodic', {tag: 'tag'}), 'register()');
}, 'In a service worker all of whose windows are cross-origin frames, register() is rejected with InvalidAccessError');

promise_test(async t => {
  const frame = await RemoteWindow.frame(t, remoteOrigin);
  await frame.setPermissionForTest(t, permission, 'granted');
  await frame.registerWorker();
  await RemoteWindow.auxiliary(t, remoteOrigin);
  assert_equals(await frame.command('registerPeriodic', {tag: 'tag'}), undefined);
}, 'A cross-origin frame can register while another window of its origin is open');

promise_test(async t => {
  const remote = await RemoteWindow.frame(t, remoteOrigin);
  await remote.setPermissionForTest(t, permission, 'denied');
  await remote.registerWorker();
  await promise_rejects_name(
      'NotAllowedError', remote.command('registerPeriodic', {tag: 'tag'}), 'register()');
}, 'The check for the permission comes before the one for a window');

promise_test(async t => {
  await setPermissionForTest(t, permission, 'granted');
  const target = await SyncTarget.create(t);
  const worker = target.registration.active;
  await target.registration.unregister();
  await wait_for_state(t, worker, 'redundant');
  await promise_rejects_dom(t, 'InvalidStateError', target.periodicSync.register('tag'));
}, 'After unregister() of the worker register() is rejected with InvalidStateError');
