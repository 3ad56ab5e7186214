// META: title=What happens before and during the events of periodic syncs
// META: timeout=long
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=../background-sync/resources/sync-browser.js
// META: script=../background-sync/resources/sync-helpers.js
// META: script=../background-sync/resources/periodic-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#firing-a-periodicsync-event and
// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#dom-periodicsyncmanager-register

for (const [end, name] of [['fulfill', 'succeeded'], ['reject', 'failed']]) {
  interval_test(async (t, target, interval) => {
    await target.periodicSync.register('tag', {minInterval: interval});
    const first = await target.nextEvent();
    await target.periodicSync.register('tag', {minInterval: interval});
    assert_array_equals(await target.periodicSync.getTags(), ['tag']);
    const time = Date.now();
    await target[end](first);
    const second = await target.nextEvent();
    assert_greater_than_equal(second.time - time, interval - toleranceMs);
    await target.fulfill(second);
    assert_array_equals(await target.periodicSync.getTags(), ['tag']);
  }, `A tag that is registered again during its event fires again, after its interval, once that has ${name}`);
}

interval_test(async (t, target, interval) => {
  await target.periodicSync.register('tag', {minInterval: 60 * interval});
  await target.periodicSync.register('tag', {minInterval: interval});
  const first = await target.nextEvent();
  await target.periodicSync.register('tag', {minInterval: 60 * 60 * 1000});
  await target.periodicSync.register('control', {minInterval: interval});
  await target.fulfill(first);
  for (let i = 0; i < 2; ++i) {
    await target.fulfill(await target.nextEvent({tag: 'control'}));
  }
  assert_equals(target.eventsOf({tag: 'tag'}).length, 1);
}, 'A longer interval that a tag gets during its event holds for the next one');

interval_test(async (t, target, interval) => {
  await target.periodicSync.register('tag', {minInterval: interval});
  const first = await target.nextEvent();
  await target.periodicSync.unregister('tag');
  assert_array_equals(await target.periodicSync.getTags(), []);
  await target.periodicSync.register('control', {minInterval: interval});
  // It would have been fired again.
  await target.reject(first);
  for (let i = 0; i < 3; ++i) {
    await target.fulfill(await target.nextEvent({tag: 'control'}));
  }
  assert_equals(target.eventsOf({tag: 'tag'}).length, 1);
  assert_array_equals(await target.periodicSync.getTags(), ['control']);
}, 'A tag that is unregistered during its event is gone, although that fails');

interval_test(async (t, target, interval) => {
  await target.periodicSync.register('tag', {minInterval: interval});
  await target.nextEvent();
  const {scope} = target.registration;
  await target.registration.unregister();
  const again = await SyncTarget.create(t, {scope});
  assert_array_equals(await again.periodicSync.getTags(), []);
  await again.periodicSync.register('control', {minInterval: interval});
  for (let i = 0; i < 2; ++i) {
    await again.fulfill(await again.nextEvent({tag: 'control'}));
  }
  assert_equals(again.eventsOf({tag: 'tag'}).length, 0);
}, 'After unregister() of the service worker during an event, a new one with that scope starts anew');

interval_test(async (t, target, interval) => {
  await target.periodicSync.register('tag', {minInterval: interval});
  const event = await target.nextEvent();
  await goOffline(t);
  await target.fulfill(event);
  await target.settle();
  assert_array_equals(await target.periodicSync.getTags(), ['tag']);
  await syncBrowser.setOnline(true);
  await target.nextEvent();
}, 'An event that runs while the network goes can succeed');

interval_test(async (t, target, interval) => {
  await target.sync.register('tag');
  await target.periodicSync.register('tag', {minInterval: interval});
  await target.fulfill(await target.nextEvent({type: 'sync'}));
  await target.untilGone('tag');
  await target.fulfill(await target.nextEvent({type: 'periodicsync'}));
  assert_array_equals(await target.periodicSync.getTags(), ['tag']);
}, 'A one-shot sync with the same tag fires before, once, and leaves the periodic one');
