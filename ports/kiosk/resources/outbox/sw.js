'use strict';

importScripts('store.js');

const changes = new BroadcastChannel('outbox');

// The app itself, so that it opens without a network. Another name for another set of files.
const SHELL = 'outbox 1';
const FILES = ['./', 'app.js', 'store.js', 'style.css'];

// An engine without the Cache API can sync all the same.
if ('addAll' in Cache.prototype) {
  self.addEventListener('install', (event) => {
    event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(FILES)));
  });

  self.addEventListener('activate', (event) => {
    event.waitUntil(caches.keys().then((names) => Promise.all(
      names.filter((name) => name !== SHELL).map((name) => caches.delete(name)))));
  });

  self.addEventListener('fetch', (event) => {
    if (event.request.method !== 'GET') return;
    event.respondWith(caches.match(event.request).then((cached) => cached ?? fetch(event.request)));
  });
}

self.addEventListener('sync', (event) => {
  if (event.tag === 'send-messages') {
    event.waitUntil(sendMessages(event.lastChance));
  }
});

// Sends everything in order. A message leaves the outbox only when the server has it; an error here means that the
// browser fires the event again later.
async function sendMessages(lastChance) {
  for (const message of await outbox.all()) {
    const response = await fetch('/messages', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ id: message.id, text: message.text }),
    });
    if (!response.ok) {
      const hope = lastChance ? 'that was the last chance' : 'the browser will try again';
      console.warn(`[outbox] the server answered ${response.status}; ${hope}`);
      throw new Error(`the server answered ${response.status}`);
    }
    await outbox.remove(message.number);
    changes.postMessage('sent');
  }
}
