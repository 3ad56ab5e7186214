// For service workers: how they tell the pages of their origin about events. All messages have the scope of the
// registration, so that pages can tell several workers apart.
'use strict';

// Messages leave in the order of the calls.
let lastMessage = Promise.resolve();
function tellPages(message) {
  lastMessage = lastMessage.then(async () => {
    const pages = await self.clients.matchAll({includeUncontrolled: true});
    for (const page of pages) {
      page.postMessage({scope: self.registration.scope, ...message});
    }
  });
  return lastMessage;
}

function describe(event) {
  return {
    type: event.type,
    tag: event.tag,
    lastChance: event.lastChance,
    // When it was told of, in milliseconds since 1970: not when that has arrived.
    time: Date.now(),
    isTrusted: event.isTrusted,
    bubbles: event.bubbles,
    cancelable: event.cancelable,
    targetIsGlobal: event.target === self && event.currentTarget === self,
    constructorName: event.constructor.name,
    isExtendableEvent: event instanceof ExtendableEvent,
    scriptURL: self.location.href,
    workerState: self.registration.active && self.registration.active.state,
  };
}
