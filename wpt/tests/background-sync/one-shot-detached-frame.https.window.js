// META: title=A sync registration whose caller is gone
// META: script=/service-workers/service-worker/resources/test-helpers.sub.js
// META: script=/resources/testdriver.js
// META: script=/resources/testdriver-vendor.js
// META: script=resources/sync-browser.js
// META: script=resources/sync-helpers.js
'use strict';

// https://wicg.github.io/background-sync/spec/#dom-syncmanager-register: the steps run in parallel, and end with the
// event, whether or not anybody is left to see the promise resolved.

promise_test(async t => {
  const target = await SyncTarget.create(t);
  const frame = await with_iframe(syncResources + 'frame.html');
  const {serviceWorker} = frame.contentWindow.navigator;
  const registration = await serviceWorker.getRegistration(target.registration.scope);
  registration.sync.register('tag');
  frame.remove();
  await target.nextEvent({tag: 'tag'});
}, 'A frame that is removed just after its call has registered, and the event fires');
