// Tells the pages of its origin about each sync and periodicsync event, and lets them decide how the event ends.
'use strict';

importScripts('tell-pages.js');

const heldEvents = new Map();
const seenTags = [];
const tagsWithoutClient = [];

// Keeps the event going until a page ends it, and returns its id.
function hold(event) {
  const id = Math.random();
  event.waitUntil(new Promise((fulfill, reject) => heldEvents.set(id, {event, fulfill, reject})));
  return id;
}

function report(event) {
  seenTags.push(event.tag);
  tellPages({message: 'event', id: hold(event), ...describe(event)});
  event.waitUntil(noteClients(event));
}

async function noteClients(event) {
  const clients = await self.clients.matchAll({includeUncontrolled: true, type: 'all'});
  if (clients.length === 0) {
    tagsWithoutClient.push(event.tag);
  }
}

self.addEventListener('sync', report);
self.addEventListener('periodicsync', report);

const seenByAttributes = [];
self.onsync = event => seenByAttributes.push([event.type, event.tag]);
self.onperiodicsync = event => seenByAttributes.push([event.type, event.tag]);

// Each answers with a value that can be posted. `id` is the one of a held event.
const commands = {
  ping() {},
  seenTags: () => seenTags,
  // Of the events during which no page of the origin was there.
  tagsWithoutClient: () => tagsWithoutClient,
  seenByAttributes: () => seenByAttributes,
  fulfill: ({id}) => heldEvents.get(id).fulfill(),
  reject: ({id}) => heldEvents.get(id).reject(new Error('the page wants it to fail')),
  fulfillAll: () => heldEvents.forEach(({fulfill}) => fulfill()),
  // Adds one more promise to a held event, and returns another id for it.
  extend: ({id}) => hold(heldEvents.get(id).event),
  register: ({tag}) => self.registration.sync.register(tag),
  getTags: () => self.registration.sync.getTags(),
  registerPeriodic: ({tag, options}) => self.registration.periodicSync.register(tag, options),
  unregisterPeriodic: ({tag}) => self.registration.periodicSync.unregister(tag),
  getPeriodicTags: () => self.registration.periodicSync.getTags(),
};

async function run(command) {
  try {
    const value = await commands[command.name](command);
    // Whatever the command did to an event is over before the answer: it takes a task of its own.
    await new Promise(resolve => setTimeout(resolve, 0));
    await tellPages({message: 'answer', call: command.call, value});
  } catch (error) {
    await tellPages({message: 'answer', call: command.call, error: error.name});
  }
}

self.addEventListener('message', event => event.waitUntil(run(event.data)));
