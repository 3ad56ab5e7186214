// META: title=SyncManager.register(): rejections
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/#dom-syncmanager-register

promise_test(async t => {
  const registration = await registerInstallingWorker(t);
  assert_equals(registration.active, null);
  await promise_rejects_dom(t, 'InvalidStateError', registration.sync.register('tag'));
}, 'Without an active worker register() is rejected with InvalidStateError');

promise_test(async t => {
  const script = syncResources + 'fails-to-install-worker.js';
  const registration = await service_worker_unregister_and_register(t, script, newScope());
  const worker = registration.installing;
  await wait_for_state(t, worker, 'redundant');
  await promise_rejects_dom(t, 'InvalidStateError', registration.sync.register('tag'));
}, 'If the worker failed to install, register() is rejected with InvalidStateError');

promise_test(async t => {
  const registration = await registerInstallingWorker(t);
  await promise_rejects_dom(t, 'InvalidStateError', registration.sync.register('tag'));
  assert_array_equals(await registration.sync.getTags(), []);
}, 'A rejected register() registers nothing');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await promise_rejects_js(t, TypeError, target.sync.register());
}, 'Without an argument register() is rejected with TypeError');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await promise_rejects_js(t, TypeError, target.sync.register(Symbol('tag')));
}, 'With a symbol register() is rejected with TypeError');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  const error = new RangeError('from toString()');
  const tag = {toString() { throw error; }};
  await promise_rejects_exactly(t, error, target.sync.register(tag));
}, 'What the conversion of the tag throws rejects register()');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await promise_rejects_js(t, TypeError, SyncManager.prototype.register.call({}, 'tag'));
  await promise_rejects_js(t, TypeError, SyncManager.prototype.getTags.call({}));
}, 'Called on something else, register() and getTags() are rejected with TypeError');

promise_test(async t => {
  const registration = await registerInstallingWorker(t);
  await promise_rejects_js(t, TypeError, registration.sync.register());
}, 'Conversion of the tag comes before the check for an active worker');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  const worker = target.registration.active;
  await target.registration.unregister();
  await wait_for_state(t, worker, 'redundant');
  assert_equals(target.registration.active, null);
  await promise_rejects_dom(t, 'InvalidStateError', target.sync.register('tag'));
}, 'After unregister() register() is rejected with InvalidStateError');
