// META: title=Periodic sync events that never end
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
// META: script=../background-sync/resources/periodic-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#security: there is a time limit.

interval_test(async (t, target, interval) => {
  await target.periodicSync.register('never ends', {minInterval: interval});
  const first = await target.nextEvent({tag: 'never ends'});
  await target.periodicSync.register('another tag', {minInterval: interval});
  await target.fulfill(await target.nextEvent({tag: 'another tag'}));
  assert_equals(target.eventsOf({tag: 'never ends'}).length, 1);
  await target.periodicSync.unregister('another tag');
  const second = await target.nextEvent({tag: 'never ends'});
  assert_greater_than_equal(second.time - first.time, syncBrowser.eventCapMs - toleranceMs);
  await target.fulfill(second);
}, 'An event that never ends holds up no others, fails at its time limit and is fired again');
