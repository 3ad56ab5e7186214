// META: title=Who may register a sync
// META: timeout=long
// META: script=/common/get-host-info.sub.js
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/#dom-syncmanager-register: a window client of the service worker's origin
// that is top-level or auxiliary must exist. It need not be the caller.

const remoteOrigin = get_host_info().HTTPS_REMOTE_ORIGIN;
// The one that frame.html asks for.
const scopeOfFrames = syncResources + 'scope/frame';

async function frameOf(t, url) {
  const frame = await with_iframe(url);
  t.add_cleanup(() => frame.remove());
  return frame;
}

async function registrationIn(frame, target) {
  return frame.contentWindow.navigator.serviceWorker.getRegistration(target.registration.scope);
}

promise_test(async t => {
  const target = await SyncTarget.create(t);
  assert_equals(navigator.serviceWorker.controller, null);
  await target.sync.register('tag');
  await target.nextEvent({tag: 'tag'});
}, 'A page that the worker does not control can register');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  const frame = await frameOf(t, syncResources + 'frame.html');
  assert_equals(frame.contentWindow.navigator.serviceWorker.controller, null);
  await (await registrationIn(frame, target)).sync.register('tag');
  await target.nextEvent({tag: 'tag'});
}, 'A same-origin frame that the worker does not control can register');

promise_test(async t => {
  const scope = syncResources + 'frame.html?controlled';
  const target = await SyncTarget.create(t, {scope});
  const frame = await frameOf(t, scope);
  const {serviceWorker} = frame.contentWindow.navigator;
  assert_not_equals(serviceWorker.controller, null);
  await (await serviceWorker.ready).sync.register('tag');
  await target.nextEvent({tag: 'tag'});
}, 'A same-origin frame that the worker controls can register');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  const outer = await frameOf(t, syncResources + 'frame.html');
  const {contentDocument} = outer;
  const inner = contentDocument.createElement('iframe');
  const loaded = new Promise(resolve => inner.onload = resolve);
  inner.src = syncResources + 'frame.html';
  contentDocument.body.append(inner);
  await loaded;
  await (await registrationIn(inner, target)).sync.register('tag');
  await target.nextEvent({tag: 'tag'});
}, 'A frame in a frame can register');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  const frame = await frameOf(t, 'about:blank');
  await syncBrowser.setOnline(true);
  assert_array_equals(await target.sync.getTags(), []);
  frame.remove();
  await target.registerAndFulfill('tag');
}, 'A frame that comes and goes changes nothing');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  const frame = await frameOf(t, syncResources + 'frame.html');
  const registration = await registrationIn(frame, target);
  await goOffline(t);
  await registration.sync.register('tag');
  frame.remove();
  assert_array_equals(await target.sync.getTags(), ['tag']);
  await syncBrowser.setOnline(true);
  await target.nextEvent({tag: 'tag'});
}, 'What a frame has registered outlives it');

promise_test(async t => {
  const target = await SyncTarget.create(t, {scope: scopeOfFrames});
  const remote = await RemoteWindow.frame(t, location.origin, 'allow-scripts allow-same-origin');
  assert_equals(await remote.command('register', {tag: 'tag'}), undefined);
  await target.nextEvent({tag: 'tag'});
}, 'A sandboxed frame that keeps its origin can register');

promise_test(async t => {
  // There is what the frame would register with, if it had the origin of its URL: the test before this one.
  const target = await SyncTarget.create(t, {scope: scopeOfFrames});
  const remote = await RemoteWindow.frame(t, location.origin, 'allow-scripts');
  // A registration would stay.
  await goOffline(t);
  // Which error it is, and whether there is a navigator.serviceWorker at all, is up to other specifications.
  for (const command of ['register', 'registerWorker']) {
    const result = await remote.command(command, {tag: 'tag'}).then(() => 'fulfilled', () => 'rejected');
    assert_equals(result, 'rejected', command);
  }
  assert_array_equals(await target.sync.getTags(), []);
}, 'A sandboxed frame with an opaque origin can not register');

promise_test(async t => {
  const remote = await RemoteWindow.frame(t, remoteOrigin);
  await remote.registerWorker();
  await promise_rejects_name('InvalidAccessError', remote.command('register', {tag: 'tag'}), 'register()');
  assert_array_equals(await remote.command('getTags'), []);
}, 'In a cross-origin frame register() is rejected with InvalidAccessError');

promise_test(async t => {
  const remote = await RemoteWindow.frame(t, remoteOrigin);
  await remote.registerWorker();
  await promise_rejects_name('InvalidAccessError', remote.inWorker('register', {tag: 'tag'}), 'register()');
}, 'In a service worker all of whose windows are cross-origin frames, register() is rejected with InvalidAccessError');

promise_test(async t => {
  const frame = await RemoteWindow.frame(t, remoteOrigin);
  await frame.registerWorker();
  await RemoteWindow.auxiliary(t, remoteOrigin);
  assert_equals(await frame.command('register', {tag: 'tag'}), undefined);
}, 'A cross-origin frame can register while another window of its origin is open');

promise_test(async t => {
  const frame = await RemoteWindow.frame(t, remoteOrigin);
  await frame.registerWorker();
  await RemoteWindow.auxiliary(t, remoteOrigin);
  assert_equals(await frame.inWorker('register', {tag: 'tag'}), undefined);
}, 'A service worker can register while an auxiliary window of its origin is open');

promise_test(async t => {
  const opened = await RemoteWindow.auxiliary(t, remoteOrigin);
  await opened.registerWorker();
  assert_equals(await opened.command('register', {tag: 'tag'}), undefined);
}, 'An auxiliary window can register');
