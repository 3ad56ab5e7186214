// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodicsync-event
// Each `any` is a DOMString by the specification: components/script/backgroundsync/tag.rs converts it, for lone surrogates.
[Pref="dom_background_sync_enabled", Exposed=ServiceWorker]
interface PeriodicSyncEvent : ExtendableEvent {
  [Throws] constructor(DOMString type, PeriodicSyncEventInit init);
  readonly attribute any tag;
};

dictionary PeriodicSyncEventInit : ExtendableEventInit {
  required any tag;
};
