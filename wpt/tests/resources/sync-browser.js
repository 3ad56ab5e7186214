// What a test must tell the browser, because no web API can: whether there is a network, what is permitted, that a
// periodic sync is due. It needs the test runner's help; each browser under test has a back end in wpt/runner.
//
// To be loaded into the window of the test, after testharnessreport.js:
//   await syncBrowser.setOnline(false);
//   await syncBrowser.setPermission('periodic-background-sync', 'granted');
//   await syncBrowser.firePeriodicSync(registration, 'news');
// Network and permissions are as usual again at the start of the next test file.
'use strict';

const syncBrowser = (() => {
  const vendor = self.__backgroundSyncVendor;

  const run = (command, params) => {
    if (!vendor) {
      return Promise.reject(new Error(
          'syncBrowser needs a test runner that knows it, such as ./mach test-wpt, and the window of the test'));
    }
    return vendor.run(command, params);
  };

  const setting = name => vendor ? vendor.settings[name] : undefined;

  return {
    // After the first failed attempt, a retry comes this much later; after each further one, retryFactor times as
    // much.
    get retryDelayMs() { return setting('retryDelayMs'); },
    get retryFactor() { return setting('retryFactor'); },
    // How often an event is tried, the first attempt included.
    get maxAttempts() { return setting('maxAttempts'); },
    // How long an event may take.
    get eventCapMs() { return setting('eventCapMs'); },

    // Cuts or restores the network for pages, workers and the sync manager. Settled once all of them know it.
    setOnline: online => run('set_online', {online: Boolean(online)}),

    // Sets a permission of an origin, by default the test's: 'granted', 'denied' or 'prompt'.
    setPermission: (name, state, origin = location.origin) => run('set_permission', {origin, name, state}),

    // Makes the event of a periodic registration fire now, whatever its interval. Settled once it has been asked
    // for, not once it has been handled.
    firePeriodicSync: (registration, tag) => run('fire_periodic_sync', {scope: registration.scope, tag}),
  };
})();
