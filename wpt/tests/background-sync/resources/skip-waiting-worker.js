// The same as sync-worker.js, as another version that takes over at once.
'use strict';
importScripts('sync-worker.js');
self.addEventListener('install', event => event.waitUntil(self.skipWaiting()));
