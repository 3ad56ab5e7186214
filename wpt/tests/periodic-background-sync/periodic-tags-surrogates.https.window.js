// META: title=Tags of PeriodicSyncManager with lone surrogates
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
'use strict';

// The tag is a DOMString, not a USVString: lone surrogates are not replaced.

promise_test(async t => {
  await setPermissionForTest(t, 'periodic-background-sync', 'granted');
  const {periodicSync} = await SyncTarget.create(t);
  const tags = ['a\uD800b', '\uD800', '\uDC00'];
  for (const tag of tags) {
    await periodicSync.register(tag);
  }
  assert_array_equals((await periodicSync.getTags()).sort(), tags.sort());
  await periodicSync.unregister('\uD800');
  assert_array_equals((await periodicSync.getTags()).sort(), ['a\uD800b', '\uDC00']);
}, 'register(), getTags() and unregister() keep lone surrogates apart');
