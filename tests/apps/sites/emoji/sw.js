importScripts('/store.js');

const VERSION = 'emoji-chat-v1';
const FILES = ['/', '/app.js', '/ui.js', '/store.js', '/style.css'];

self.addEventListener('install', (event) => {
  self.skipWaiting();
  event.waitUntil(caches.open(VERSION).then((cache) => cache.addAll(FILES)));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(Promise.all([
    clients.claim(),
    caches.keys().then((names) => Promise.all(
      names.filter((name) => name !== VERSION).map((name) => caches.delete(name)))),
  ]));
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET') return;
  event.respondWith(caches.match(request, { ignoreSearch: true }).then((cached) => cached || fetch(request)));
});

self.addEventListener('sync', (event) => {
  if (event.tag === 'send') event.waitUntil(send());
});

async function send() {
  const waiting = await store.waiting();
  for (const message of waiting) {
    const body = JSON.stringify({ id: message.id, text: message.text });
    const response = await fetch('/api/messages', { method: 'POST', body });
    if (!response.ok) throw new Error(`status ${response.status}`);
    await store.sent(message);
  }
  if (waiting.length) await tell(waiting.map(({ text }) => text).join(' '));
}

// In the page, if one is open, and as a notification if that is allowed.
async function tell(text) {
  for (const client of await clients.matchAll({ type: 'window' })) client.postMessage(`told ${text}`);
  if (self.registration.showNotification && self.Notification && Notification.permission === 'granted') {
    await registration.showNotification('Sent', { body: text, tag: 'sent', data: { url: '/?from=notification' } });
  }
}

self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(show(event.notification.data.url));
});

async function show(url) {
  const [client] = await clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (!client) return clients.openWindow(url);
  await client.focus();
  client.postMessage('focused');
}
