// A worker that stores its app as it is installed, and answers from what it has stored.
'use strict';

const FILES = 100;

self.addEventListener('install', (event) => {
  const files = ['./', 'bench.js'];
  for (let index = 0; index < FILES; index++) files.push(`scripts/${index}.js`, `data/${index}`);
  event.waitUntil(caches.open('app').then((cache) => cache.addAll(files)));
});

self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

self.addEventListener('fetch', (event) => {
  // Not stored, so it need not be looked for.
  if (new URL(event.request.url).pathname.endsWith('/big')) {
    event.respondWith(fetch(event.request));
    return;
  }
  event.respondWith(caches.match(event.request).then((response) => response ?? fetch(event.request)));
});
