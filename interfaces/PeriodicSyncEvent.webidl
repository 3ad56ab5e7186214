// https://wicg.github.io/background-sync/spec/PeriodicBackgroundSync-index.html#periodicsync-event
[Pref="dom_background_sync_enabled", Exposed=ServiceWorker]
interface PeriodicSyncEvent : ExtendableEvent {
  constructor(DOMString type, PeriodicSyncEventInit init);
  readonly attribute DOMString tag;
};

dictionary PeriodicSyncEventInit : ExtendableEventInit {
  required DOMString tag;
};
