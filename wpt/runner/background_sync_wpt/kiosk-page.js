// Served with testharnessreport.js, for the kiosk only: hands what is queued for the runner to the console, which the
// control channel carries. Answers come as messages to this window.
(() => {
  window.__wptrunner_url = location.href;

  const deliver = message => {
    console.log('WPT MESSAGE: ' + JSON.stringify(message));
    // The queue takes a message back from nobody: the next one may come at once.
    window.__wptrunner_testdriver_callback = deliver;
    window.__wptrunner_process_next_event();
  };

  window.__wptrunner_testdriver_callback = deliver;
  window.__wptrunner_process_next_event();
})();
