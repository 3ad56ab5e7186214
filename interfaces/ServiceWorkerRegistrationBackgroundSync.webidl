// https://wicg.github.io/background-sync/spec/#service-worker-registration-extensions
partial interface ServiceWorkerRegistration {
  [SameObject, Pref="dom_background_sync_enabled"] readonly attribute SyncManager sync;
};

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#service-worker-registration-extensions
partial interface ServiceWorkerRegistration {
  [SameObject, Pref="dom_background_sync_enabled"] readonly attribute PeriodicSyncManager periodicSync;
};
