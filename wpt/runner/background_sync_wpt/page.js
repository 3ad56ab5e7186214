// Served with testharnessreport.js: carries vendor commands from the test's window to the runner and back. It is the part
// of testdriver-vendor.js, which stock wptrunner serves empty, that sync-browser.js uses.
(() => {
  const pending = new Map();

  // Before testdriver.js has its own listener, which does not know these commands.
  addEventListener('message', event => {
    const answer = event.data;
    if (answer === null || typeof answer !== 'object' ||
        answer.type !== 'testdriver-complete' || !pending.has(answer.cmd_id)) {
      return;
    }
    event.stopImmediatePropagation();
    const {resolve, reject} = pending.get(answer.cmd_id);
    pending.delete(answer.cmd_id);
    if (answer.status === 'success') {
      resolve(JSON.parse(answer.message).result);
    } else {
      reject(new Error(answer.message));
    }
    window.__wptrunner_process_next_event();
  });

  const run = (command, params) => new Promise((resolve, reject) => {
    // Queued for the runner at once, answered in a later task.
    const id = window.__wptrunner_message_queue.push({type: 'action', action: 'background_sync', command, params});
    pending.set(id, {resolve, reject});
  });

  const vendor = {
    settings: window.__backgroundSyncSettings,
    set_online: online => run('set_online', {online}),
    set_permission: (origin, name, state) => run('set_permission', {origin, name, state}),
    fire_periodic_sync: (scope, tag) => run('fire_periodic_sync', {scope, tag}),
  };

  // testdriver.js comes later, and makes the object.
  let internal;
  Object.defineProperty(window, 'test_driver_internal', {
    configurable: true,
    enumerable: true,
    get: () => internal,
    set(object) {
      internal = object;
      object.background_sync = vendor;
    },
  });
})();
