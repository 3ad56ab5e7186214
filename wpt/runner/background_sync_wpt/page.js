// Served with testharnessreport.js: carries vendor commands from the test's window to the runner and back.
// Not for tests to call: they use /resources/sync-browser.js of our tests.
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

  window.__backgroundSyncVendor = {
    settings: window.__backgroundSyncSettings,
    run(command, params) {
      return new Promise((resolve, reject) => {
        // Queued for the runner at once, answered in a later task.
        const id = window.__wptrunner_message_queue.push(
            {type: 'action', action: 'background_sync', command, params});
        pending.set(id, {resolve, reject});
      });
    },
  };
})();
