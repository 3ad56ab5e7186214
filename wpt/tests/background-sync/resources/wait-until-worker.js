// The tag of a sync or periodicsync event says what happens to it.
'use strict';

importScripts('tell-pages.js');

const error = new Error('the tag wants it to fail');
const nextTask = () => new Promise(resolve => setTimeout(resolve, 0));

const behaviors = {
  'no waitUntil()'() {},
  'a value that is no promise': event => event.waitUntil(42),
  'a fulfilled promise': event => event.waitUntil(Promise.resolve()),
  'a promise that is fulfilled later': event => event.waitUntil(nextTask()),
  'a fulfilled thenable': event => event.waitUntil({then: fulfill => fulfill()}),
  'several fulfilled promises'(event) {
    event.waitUntil(Promise.resolve());
    event.waitUntil(nextTask());
    event.waitUntil(nextTask().then(nextTask));
  },
  'a promise whose rejection is handled': event => event.waitUntil(Promise.reject(error).catch(() => {})),
  'preventDefault()': event => event.preventDefault(),
  'an exception of the listener'() { throw error; },
  'an exception of the listener after a fulfilled promise'(event) {
    event.waitUntil(nextTask());
    throw error;
  },
  'a rejected promise that is only returned': () => Promise.reject(error),
  'a fulfilled promise added later'(event) {
    event.waitUntil(nextTask().then(() => event.waitUntil(nextTask())));
  },

  'a rejected promise': event => event.waitUntil(Promise.reject(error)),
  'a promise rejected with undefined': event => event.waitUntil(Promise.reject()),
  'a promise that is rejected later': event => event.waitUntil(nextTask().then(() => Promise.reject(error))),
  'a rejected thenable': event => event.waitUntil({then: (_, reject) => reject(error)}),
  'a rejected promise before fulfilled ones'(event) {
    event.waitUntil(Promise.reject(error));
    event.waitUntil(Promise.resolve());
    event.waitUntil(nextTask());
  },
  'a rejected promise after fulfilled ones'(event) {
    event.waitUntil(Promise.resolve());
    event.waitUntil(nextTask().then(nextTask).then(() => Promise.reject(error)));
  },
  'a rejected promise in the second listener'() {},
  'a rejected promise in the event handler'() {},
  'an exception of the listener after a rejected promise'(event) {
    event.waitUntil(Promise.reject(error));
    throw error;
  },
  'a rejected promise added while another is pending'(event) {
    event.waitUntil(nextTask().then(nextTask));
    nextTask().then(() => event.waitUntil(Promise.reject(error)));
  },
  'a rejected promise added by the reaction to the only one'(event) {
    const promise = nextTask();
    event.waitUntil(promise);
    promise.then(() => event.waitUntil(Promise.reject(error)));
  },
  'a rejected promise added by an added one'(event) {
    event.waitUntil(nextTask().then(() => {
      event.waitUntil(nextTask().then(() => {
        event.waitUntil(nextTask().then(() => Promise.reject(error)));
      }));
    }));
  },

  // waitUntil() throws in these.
  async 'after the event'(event) {
    await nextTask();
    tryToExtend(event);
  },
  async 'after its promises'(event) {
    event.waitUntil(nextTask());
    await nextTask();
    await nextTask();
    await nextTask();
    tryToExtend(event);
  },
};

function tryToExtend(event) {
  let name = 'no exception';
  try {
    event.waitUntil(Promise.reject(error));
  } catch (exception) {
    name = exception.name;
  }
  tellPages({message: 'event', type: 'waitUntil', tag: event.tag, exception: name});
}

for (const type of ['sync', 'periodicsync']) {
  self.addEventListener(type, event => {
    tellPages({message: 'event', ...describe(event)});
    return behaviors[event.tag](event);
  });

  self.addEventListener(type, event => {
    if (event.tag === 'a rejected promise in the second listener') {
      event.waitUntil(Promise.reject(error));
    }
  });

  self[`on${type}`] = event => {
    if (event.tag === 'a rejected promise in the event handler') {
      event.waitUntil(Promise.reject(error));
    }
  };
}
