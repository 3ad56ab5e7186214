import { chat, say } from './ui.js';

navigator.serviceWorker.register('/sw.js');

store.all().then((messages) => {
  for (const { text, waiting } of messages) {
    const item = document.createElement('li');
    item.textContent = waiting ? `${text} ⏳` : text;
    document.querySelector('ul').prepend(item);
  }
  say(`messages ${messages.map(({ text, waiting }) => text + (waiting ? '⏳' : '')).join(' ')}`);
});

navigator.serviceWorker.addEventListener('message', ({ data }) => say(data));

chat({
  async send(text) {
    await store.add(text);
    const registration = await navigator.serviceWorker.ready;
    await registration.sync.register('send');
    return 'kept';
  },
  ready: navigator.serviceWorker.ready,
});
