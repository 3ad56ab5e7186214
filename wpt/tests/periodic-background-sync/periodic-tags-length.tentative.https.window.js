// META: title=The limit of a periodic tag's length
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
'use strict';

// As one-shot-tags-length.tentative.https.window.js of Background Sync: the specification has no limit, and both
// implementations have this one, in bytes of the tag as UTF-8.

const limit = 10240;

for (const [tag, name] of [
  ['x'.repeat(limit + 1), '10,241 bytes'],
  ['é'.repeat(limit / 2) + 'x', '5,121 characters and 10,241 bytes'],
  ['x'.repeat(1 << 20), 'a mebibyte'],
]) {
  promise_test(async t => {
    await setPermissionForTest(t, 'periodic-background-sync', 'granted');
    const {periodicSync} = await SyncTarget.create(t);
    await promise_rejects_dom(t, 'InvalidAccessError', periodicSync.register(tag));
    assert_array_equals(await periodicSync.getTags(), []);
  }, `A tag of ${name} is rejected with InvalidAccessError`);
}

promise_test(async t => {
  const {periodicSync} = await SyncTarget.create(t);
  assert_equals(await periodicSync.unregister('x'.repeat(limit + 1)), undefined);
}, 'unregister() of a tag of 10,241 bytes is fulfilled, as of any tag that is not registered');
