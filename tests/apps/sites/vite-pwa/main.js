import { registerSW } from 'virtual:pwa-register';
import { chat, controlled, post } from '../shared/ui.js';

const installed = new Promise((resolve, reject) => {
  registerSW({ immediate: true, onOfflineReady: resolve, onRegisterError: reject });
});

chat({
  // The worker keeps what could not be sent.
  send: (text) => post({ text }).then(() => 'sent', () => 'kept'),
  ready: navigator.serviceWorker.controller ? controlled() : installed.then(controlled),
});
