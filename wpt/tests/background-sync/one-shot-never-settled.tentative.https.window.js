// META: title=Sync events that never end
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/#sync-event: a user agent may impose a time limit. One that does not lets
// a single promise that is never settled keep a worker running, and its tag from ever firing again.

promise_test(async t => {
  const target = await SyncTarget.create(t);
  await target.sync.register('never ends');
  await target.nextEvent({tag: 'never ends'});
  await target.registerAndFulfill('another tag');
  await target.untilGone('another tag');
  assert_array_equals(await target.sync.getTags(), ['never ends']);
  const second = await target.nextEvent({tag: 'never ends'});
  assert_false(second.lastChance);
  await target.fulfill(second);
  await target.untilGone();
  assert_equals(target.eventsOf({tag: 'never ends'}).length, 2);
}, 'An event that never ends holds up no others, fails at its time limit and is fired again');
