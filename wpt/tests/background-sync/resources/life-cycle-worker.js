// Registers a tag in each step of its life cycle and tells how that ended. A message asks for it.
'use strict';

importScripts('sync-worker.js');

const outcomes = {};

async function register(tag) {
  try {
    await self.registration.sync.register(tag);
    outcomes[tag] = 'fulfilled';
  } catch (error) {
    outcomes[tag] = error.name;
  }
}

self.addEventListener('install', event => event.waitUntil(register('install')));
self.addEventListener('activate', event => event.waitUntil(register('activate')));
commands.outcomes = () => outcomes;

// Which comes first: register() fulfilled, or the event?
const order = [];
self.addEventListener('sync', event => order.push(`event ${event.tag}`));
commands.registerAndNote = async ({tag}) => {
  await self.registration.sync.register(tag);
  order.push(`fulfilled ${tag}`);
};
commands.order = () => order;

// Registers a tag while the event of another, or of the same, runs.
self.addEventListener('sync', event => {
  if (event.tag.startsWith('then ')) {
    event.waitUntil(self.registration.sync.register(event.tag.substring('then '.length)));
  }
});
