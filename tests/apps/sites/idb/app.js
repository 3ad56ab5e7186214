import { chat } from './ui.js';

navigator.serviceWorker.register('/sw.js');

chat({
  async send(text) {
    await outbox.add({ id: crypto.randomUUID(), text });
    const registration = await navigator.serviceWorker.ready;
    await registration.sync.register('outbox');
    return 'kept';
  },
  ready: navigator.serviceWorker.ready,
});
