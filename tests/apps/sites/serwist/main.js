import { chat, controlled, post } from '../shared/ui.js';

navigator.serviceWorker.register('/sw.js');

chat({
  // The worker keeps what could not be sent.
  send: (text) => post({ text }).then(() => 'sent', () => 'kept'),
  ready: controlled(),
});
