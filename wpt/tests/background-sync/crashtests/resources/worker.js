'use strict';

// Uses everything that there is, in the middle of whatever happens to the page that asks for it.
self.addEventListener('message', event => {
  event.waitUntil((async () => {
    for (const [Constructor, type] of [[SyncEvent, 'sync'], [PeriodicSyncEvent, 'periodicsync']]) {
      self.dispatchEvent(new Constructor(type, {get tag() { return event.source.id; }}));
    }
    const {sync, periodicSync} = self.registration;
    await Promise.allSettled([
      sync.register(event.data),
      sync.getTags(),
      periodicSync.register(event.data),
      periodicSync.getTags(),
      periodicSync.unregister(event.data),
    ]);
  })());
});
