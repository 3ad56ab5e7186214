// https://wicg.github.io/background-sync/spec/#sync-event
// Each `any` is a DOMString by the specification: components/script/backgroundsync/tag.rs converts it, for lone surrogates.
[Pref="dom_background_sync_enabled", Exposed=ServiceWorker]
interface SyncEvent : ExtendableEvent {
  [Throws] constructor(DOMString type, SyncEventInit init);
  readonly attribute any tag;
  readonly attribute boolean lastChance;
};

dictionary SyncEventInit : ExtendableEventInit {
  required any tag;
  boolean lastChance = false;
};
