importScripts('/dexie.js', '/outbox.js');

const SHELL = 'shell 1';
const FILES = ['/', '/app.js', '/ui.js', '/style.css', '/dexie.js', '/outbox.js'];

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(FILES)));
});

self.addEventListener('fetch', (event) => {
  event.respondWith(caches.match(event.request).then((cached) => cached || fetch(event.request)));
});

self.addEventListener('sync', (event) => {
  if (event.tag === 'outbox') event.waitUntil(send());
});

async function send() {
  for (const message of await outbox.all()) {
    const body = JSON.stringify({ id: message.id, text: message.text });
    const response = await fetch('/api/messages', { method: 'POST', body });
    if (!response.ok) throw new Error(`status ${response.status}`);
    await outbox.done(message);
  }
}
