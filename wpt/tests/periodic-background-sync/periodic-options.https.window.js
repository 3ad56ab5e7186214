// META: title=BackgroundSyncOptions
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#dictdef-backgroundsyncoptions
// minInterval is an [EnforceRange] unsigned long long: up to 2 ** 53 - 1.

const permission = 'periodic-background-sync';

function accepted_test(options, name) {
  promise_test(async t => {
    await setPermissionForTest(t, permission, 'granted');
    const {periodicSync} = await SyncTarget.create(t);
    await periodicSync.register('tag', options);
    assert_array_equals(await periodicSync.getTags(), ['tag']);
  }, `Accepted: ${name}`);
}

function rejected_test(options, name) {
  promise_test(async t => {
    await setPermissionForTest(t, permission, 'granted');
    const {periodicSync} = await SyncTarget.create(t);
    await promise_rejects_js(t, TypeError, periodicSync.register('tag', options));
    assert_array_equals(await periodicSync.getTags(), []);
  }, `Rejected with TypeError: ${name}`);
}

accepted_test(undefined, 'no options');
accepted_test(null, 'null instead of options');
accepted_test({}, 'empty options');
accepted_test({another: 'member'}, 'options with an unknown member');
accepted_test({minInterval: undefined}, 'minInterval undefined');
accepted_test({minInterval: null}, 'minInterval null');
accepted_test({minInterval: 0}, 'minInterval 0');
accepted_test({minInterval: -0.9}, 'minInterval -0.9, which is 0');
accepted_test({minInterval: 1.5}, 'minInterval 1.5, which is 1');
accepted_test({minInterval: '1000'}, 'minInterval as a string');
accepted_test({minInterval: true}, 'minInterval true, which is 1');
accepted_test({minInterval: 24 * 60 * 60 * 1000}, 'minInterval of a day');
accepted_test({minInterval: 2 ** 32}, 'minInterval 2 ** 32');
accepted_test({minInterval: Number.MAX_SAFE_INTEGER}, 'minInterval 2 ** 53 - 1');
accepted_test({minInterval: {valueOf: () => 1000}}, 'minInterval with valueOf()');

rejected_test({minInterval: -1}, 'minInterval -1');
rejected_test({minInterval: NaN}, 'minInterval NaN');
rejected_test({minInterval: Infinity}, 'minInterval Infinity');
rejected_test({minInterval: -Infinity}, 'minInterval -Infinity');
rejected_test({minInterval: 2 ** 53}, 'minInterval 2 ** 53');
rejected_test({minInterval: 2 ** 64}, 'minInterval 2 ** 64');
rejected_test({minInterval: 'often'}, 'minInterval that is no number');
rejected_test({minInterval: 10n}, 'minInterval as a BigInt');
rejected_test({minInterval: Symbol('often')}, 'minInterval as a symbol');
rejected_test(1000, 'a number instead of options');
rejected_test('often', 'a string instead of options');

promise_test(async t => {
  await setPermissionForTest(t, permission, 'granted');
  const {periodicSync} = await SyncTarget.create(t);
  const error = new RangeError('from the getter');
  await promise_rejects_exactly(
      t, error, periodicSync.register('tag', {get minInterval() { throw error; }}));
}, 'What the getter of minInterval throws rejects register()');

promise_test(async t => {
  const registration = await registerInstallingWorker(t);
  await promise_rejects_js(t, TypeError, registration.periodicSync.register('tag', {minInterval: -1}));
}, 'The conversion of minInterval comes before the check for an active worker');

promise_test(async t => {
  await setPermissionForTest(t, permission, 'denied');
  const {periodicSync} = await SyncTarget.create(t);
  await promise_rejects_js(t, TypeError, periodicSync.register('tag', {minInterval: -1}));
}, 'The conversion of minInterval comes before the check for the permission');
