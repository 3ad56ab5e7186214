// What a test must tell the browser, because no web API can: whether there is a network, what is permitted, that a
// periodic sync is due.
//
// It needs /resources/testdriver.js and a testdriver-vendor.js that gives `test_driver_internal.background_sync`:
//   settings                        what is below, by the same names; what a browser lacks is left out
//   set_online(online)              promises
//   set_permission(origin, name, state)
//   fire_periodic_sync(scope, tag)
// To be used in the window of the test:
//   await syncBrowser.setOnline(false);
//   await syncBrowser.setPermission('periodic-background-sync', 'granted');
//   await syncBrowser.firePeriodicSync(registration, 'news');
// Network and permissions are as usual again at the start of the next test file.
'use strict';

const syncBrowser = (() => {
  const vendor = () => self.test_driver_internal?.background_sync;

  const run = async (command, ...parameters) => {
    if (!vendor()) {
      throw new Error(`background_sync.${command}() is not implemented by testdriver-vendor.js`);
    }
    return vendor()[command](...parameters);
  };

  const setting = name => vendor()?.settings[name];

  return {
    // After the first failed attempt, a retry comes this much later; after each further one, retryFactor times as
    // much.
    get retryDelayMs() { return setting('retryDelayMs'); },
    get retryFactor() { return setting('retryFactor'); },
    // How often an event is tried, the first attempt included.
    get maxAttempts() { return setting('maxAttempts'); },
    // How long an event may take.
    get eventCapMs() { return setting('eventCapMs'); },
    // The least time between the periodic events of an origin, in a test file that asks for a short one. Undefined if
    // the browser under test fires none by itself within the time that a test has.
    get periodicIntervalMs() { return setting('periodicIntervalMs'); },

    // Cuts or restores the network for pages, workers and the sync manager. Settled once all of them know it.
    setOnline: online => run('set_online', Boolean(online)),

    // Sets a permission of an origin, by default the test's: 'granted', 'denied' or 'prompt'. testdriver.js has only
    // that one.
    setPermission: (name, state, origin = location.origin) => origin === location.origin ?
        test_driver.set_permission({name}, state) : run('set_permission', origin, name, state),

    // Makes the event of a periodic registration fire now, whatever its interval. Settled once it has been asked
    // for, not once it has been handled.
    firePeriodicSync: (registration, tag) => run('fire_periodic_sync', registration.scope, tag),
  };
})();
