// Tells the pages of its origin about each sync and periodicsync event, and lets them decide how the event ends. All
// messages have the scope of the registration, so that pages can tell several workers apart.
'use strict';

const heldEvents = new Map();

// Messages leave in the order of the calls.
let lastMessage = Promise.resolve();
function tellPages(message) {
  lastMessage = lastMessage.then(async () => {
    const pages = await self.clients.matchAll({includeUncontrolled: true});
    for (const page of pages) {
      page.postMessage({scope: self.registration.scope, ...message});
    }
  });
  return lastMessage;
}

function describe(event) {
  return {
    type: event.type,
    tag: event.tag,
    lastChance: event.lastChance,
    isTrusted: event.isTrusted,
    bubbles: event.bubbles,
    cancelable: event.cancelable,
    targetIsGlobal: event.target === self && event.currentTarget === self,
    constructorName: event.constructor.name,
    isExtendableEvent: event instanceof ExtendableEvent,
    scriptURL: self.location.href,
    workerState: self.registration.active && self.registration.active.state,
  };
}

// Keeps the event going until a page ends it, and returns its id.
function hold(event) {
  const id = Math.random();
  event.waitUntil(new Promise((fulfill, reject) => heldEvents.set(id, {event, fulfill, reject})));
  return id;
}

function report(event) {
  tellPages({message: 'event', id: hold(event), ...describe(event)});
}

self.addEventListener('sync', report);
self.addEventListener('periodicsync', report);

// Each answers with a value that can be posted. `id` is the one of a held event.
const commands = {
  ping() {},
  fulfill: ({id}) => heldEvents.get(id).fulfill(),
  reject: ({id}) => heldEvents.get(id).reject(new Error('the page wants it to fail')),
  // Ends the held event with a promise that is added to it before.
  extendAndReject({id}) {
    const {event, fulfill} = heldEvents.get(id);
    event.waitUntil(Promise.reject(new Error('the page wants it to fail')));
    fulfill();
  },
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
