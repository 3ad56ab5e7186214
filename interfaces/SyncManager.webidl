// https://wicg.github.io/background-sync/spec/#sync-manager-interface
// Each `any` is a DOMString by the specification: components/script/backgroundsync/tag.rs converts it, for lone surrogates.
[Pref="dom_background_sync_enabled", SecureContext, Exposed=(Window,Worker)]
interface SyncManager {
  [NewObject] Promise<undefined> register(any tag);
  [NewObject] Promise<sequence<DOMString>> getTags();
};
