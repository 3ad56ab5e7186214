// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodicsyncmanager-interface
// Each `any` is a DOMString by the specification: components/script/backgroundsync/tag.rs converts it, for lone surrogates.
[Pref="dom_background_sync_enabled", SecureContext, Exposed=(Window,Worker)]
interface PeriodicSyncManager {
  [NewObject] Promise<undefined> register(any tag, optional BackgroundSyncOptions options = {});
  [NewObject] Promise<sequence<DOMString>> getTags();
  [NewObject] Promise<undefined> unregister(any tag);
};

dictionary BackgroundSyncOptions {
  [EnforceRange] unsigned long long minInterval = 0;
};
