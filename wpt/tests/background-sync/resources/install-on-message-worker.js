'use strict';
// Stays in the state "installing" until it gets a message.
const message = new Promise(resolve => self.addEventListener('message', resolve));
self.addEventListener('install', event => event.waitUntil(message));
