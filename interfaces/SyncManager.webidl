// https://wicg.github.io/background-sync/spec/#sync-manager-interface
[Pref="dom_background_sync_enabled", SecureContext, Exposed=(Window,Worker)]
interface SyncManager {
  [NewObject] Promise<undefined> register(DOMString tag);
  [NewObject] Promise<sequence<DOMString>> getTags();
};
