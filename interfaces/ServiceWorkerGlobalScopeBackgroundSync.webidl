// https://wicg.github.io/background-sync/spec/#sync-event
partial interface ServiceWorkerGlobalScope {
  [Pref="dom_background_sync_enabled"] attribute EventHandler onsync;
};

// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodicsync-event
partial interface ServiceWorkerGlobalScope {
  [Pref="dom_background_sync_enabled"] attribute EventHandler onperiodicsync;
};
