'use strict';

// Tells the pages about each event, and fails those whose tag asks for it.
const tell = async message => {
  for (const client of await self.clients.matchAll({includeUncontrolled: true})) {
    client.postMessage(message);
  }
};

for (const type of ['sync', 'periodicsync']) {
  self.addEventListener(type, event => {
    event.waitUntil(tell({type, tag: event.tag, time: Date.now()}).then(() => {
      if (event.tag.startsWith('fail')) {
        throw new Error('as asked');
      }
    }));
  });
}

// Sends the message back.
self.addEventListener('message', event => event.waitUntil(tell({type: 'message', tag: event.data})));
