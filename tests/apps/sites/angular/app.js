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

// Angular's worker fetches its assets when it has nothing else to do, and tells nobody.
async function prefetched() {
  while (!(await caches.match('/style.css')) || !(await caches.match('/index.html'))) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
