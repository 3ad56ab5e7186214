// META: title=Tags of SyncManager.register() with lone surrogates
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// The tag is a DOMString, not a USVString: lone surrogates are not replaced.

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('a\uD800b');
  const event = await target.nextEvent();
  assert_array_equals(await target.sync.getTags(), [event.tag]);
  await target.fulfill(event);
  await target.untilGone();
  assert_equals(target.events.length, 1);
}, 'A tag with a lone surrogate fires once, and getTags() agrees with the event');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('a\uD800b');
  const event = await target.nextEvent();
  assert_equals(event.tag, 'a\uD800b');
}, 'The tag of the event has the lone surrogate');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('a\uD800b');
  assert_array_equals(await target.sync.getTags(), ['a\uD800b']);
}, 'getTags() has the lone surrogate');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.sync.register('\uD800');
  await target.sync.register('\uDC00');
  assert_equals((await target.sync.getTags()).length, 2);
}, 'Tags with different lone surrogates are different');

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await goOffline(t);
  await target.sync.register('\uD83D\uDCEE');
  await target.sync.register('\uDCEE\uD83D');
  assert_array_equals(await target.sync.getTags(), ['\uD83D\uDCEE', '\uDCEE\uD83D']);
}, 'Surrogates in the order of a pair are a character, in the other order they are not');
