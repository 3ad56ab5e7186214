// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodicsyncmanager-interface
[Pref="dom_background_sync_enabled", SecureContext, Exposed=(Window,Worker)]
interface PeriodicSyncManager {
  [NewObject] Promise<undefined> register(DOMString tag, optional BackgroundSyncOptions options = {});
  [NewObject] Promise<sequence<DOMString>> getTags();
  [NewObject] Promise<undefined> unregister(DOMString tag);
};

dictionary BackgroundSyncOptions {
  [EnforceRange] unsigned long long minInterval = 0;
};
