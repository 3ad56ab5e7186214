// META: title=Background Sync in a context that is not secure
// META: global=window,dedicatedworker
'use strict';

test(() => {
  assert_false(self.isSecureContext);
  assert_false('serviceWorker' in navigator);
  for (const name of ['ServiceWorkerRegistration', 'SyncEvent', 'PeriodicSyncEvent', 'onsync', 'onperiodicsync']) {
    assert_false(name in self, name);
  }
}, 'There is nothing to register a sync with in an insecure context');

// By the IDL of the specifications, which lacks [SecureContext], these two are there, without any object that has them.
// A page that tests for them before it asks for a service worker is misled by that.
test(() => {
  assert_false('SyncManager' in self, 'SyncManager');
  assert_false('PeriodicSyncManager' in self, 'PeriodicSyncManager');
}, 'SyncManager and PeriodicSyncManager are not exposed in an insecure context');
