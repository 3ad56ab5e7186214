// META: title=The limit of a tag's length
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// The specification has no limit, so every registration could take any amount of a user's storage. Both implementations
// have this one, in bytes of the tag as UTF-8, and this exception.

const limit = 10240;

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await promise_rejects_dom(t, 'InvalidAccessError', target.sync.register('x'.repeat(limit + 1)));
  assert_array_equals(await target.sync.getTags(), []);
}, 'A tag of 10,241 bytes is rejected with InvalidAccessError');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  const tag = 'é'.repeat(limit / 2);
  await target.sync.register(tag);
  assert_equals((await target.nextEvent()).tag, tag);
}, 'A tag of 5,120 characters with two bytes each is accepted');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await promise_rejects_dom(
      t, 'InvalidAccessError', target.sync.register('é'.repeat(limit / 2) + 'x'));
}, 'A tag of 5,121 characters and 10,241 bytes is rejected with InvalidAccessError');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await promise_rejects_dom(t, 'InvalidAccessError', target.sync.register('x'.repeat(1 << 20)));
}, 'A tag of a mebibyte is rejected with InvalidAccessError');
