// https://github.com/WICG/background-sync/blob/f5bb216/explainer.md
// The explainer names no interface, so that of `navigator.sync` has no name in scripts. Where it is exposed, `navigator.sync` says.
[LegacyNoInterfaceObject, Exposed=(Window,Worker)]
interface ExplainerSyncManager {
  [NewObject] Promise<undefined> register(DOMString id, optional ExplainerSyncOptions options = {});
  [NewObject] Promise<undefined> unregister(DOMString id);
  [NewObject] Promise<sequence<DOMString>> registrations();
};

dictionary ExplainerSyncOptions {
  [EnforceRange] unsigned long long minInterval;
  boolean repeating = false;
  DOMString data = "";
  DOMString description = "";
  DOMString lang = "";
  DOMString dir = "";
};

partial interface Navigator {
  [SameObject, SecureContext, Pref="dom_background_sync_explainer_enabled"] readonly attribute ExplainerSyncManager sync;
};

partial interface WorkerNavigator {
  [SameObject, SecureContext, Pref="dom_background_sync_explainer_enabled"] readonly attribute ExplainerSyncManager sync;
};

partial interface SyncEvent {
  [Pref="dom_background_sync_explainer_enabled"] readonly attribute DOMString? id;
  [Pref="dom_background_sync_explainer_enabled"] readonly attribute DOMString? data;
};
