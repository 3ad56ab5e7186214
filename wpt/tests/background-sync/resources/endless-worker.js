// Does not return from the event of a tag that begins with `loops`, but on its last attempt, which only sync events know
// of.
'use strict';

for (const type of ['sync', 'periodicsync']) {
  self.addEventListener(type, event => {
    if (event.tag.startsWith('loops') && !event.lastChance) {
      // Other messages to pages need a task of their own.
      new BroadcastChannel('endless').postMessage(Date.now());
      for (;;) {}
    }
  });
}

importScripts('sync-worker.js');
