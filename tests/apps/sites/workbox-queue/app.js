import { chat, controlled, post } from './ui.js';

navigator.serviceWorker.register('/sw.js');

chat({
  // The worker answers 202 for what it keeps.
  send: (text) => post({ text }).then(({ status }) => (status === 202 ? 'kept' : 'sent')),
  ready: controlled(),
});
