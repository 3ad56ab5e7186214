import { chat, controlled } from './ui.js';

navigator.serviceWorker.register('/sw-sync.js');

chat({
  async send(text) {
    await outbox.add({ id: crypto.randomUUID(), text });
    const registration = await navigator.serviceWorker.ready;
    await registration.sync.register('outbox');
    return 'kept';
  },
  ready: controlled().then(prefetched),
});

// Angular's worker fetches what ngsw.json lists in its own time, and tells nobody.
async function prefetched() {
  const { hashTable } = await (await fetch('/ngsw.json')).json();
  for (const url of Object.keys(hashTable)) {
    while (!(await caches.match(url))) await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
