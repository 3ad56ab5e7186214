// Helpers for tests in which periodic syncs fire by themselves. They need sync-helpers.js, and a browser whose least
// interval is short.
'use strict';

// Clocks may be rounded.
const toleranceMs = 50;

// A test that gets a service worker of its own, and the permission.
function interval_test(test, name) {
  promise_test(async t => {
    assert_implements_optional(
        syncBrowser.periodicIntervalMs !== undefined, 'periodic syncs fire within the time of a test');
    await setPermissionForTest(t, 'periodic-background-sync', 'granted');
    await test(t, await SyncTarget.create(t), syncBrowser.periodicIntervalMs);
  }, name);
}
