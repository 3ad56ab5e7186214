// The benchmark's page. The program that drives the browser calls `bench.NAME(...)`; each call ends with one
// console line, `bench ` and JSON. All times are milliseconds on one clock, which page and worker share.
'use strict';

const now = () => performance.timeOrigin + performance.now();

let registration;
let nextTag = 0;
const tag = () => `message-${String(nextTag++).padStart(8, '0')}`;

// Messages of the worker, one at a time.
const inbox = [];
let waiting = null;
navigator.serviceWorker.onmessage = (event) => {
  if (waiting) {
    const resolve = waiting;
    waiting = null;
    resolve(event.data);
  } else {
    inbox.push(event.data);
  }
};
const message = () => inbox.length
  ? Promise.resolve(inbox.shift())
  : new Promise((resolve) => { waiting = resolve; });

const send = (data) => registration.active.postMessage(data);

// The worker will tell when so many events have come.
async function expect(count) {
  send({ expect: count });
  await message();
}

const registerMany = (count) =>
  Promise.all(Array.from({ length: count }, () => registration.sync.register(tag())));

const work = {
  async start() {
    await navigator.serviceWorker.register('/worker.js');
    registration = await navigator.serviceWorker.ready;
    return {};
  },

  // The time here, for a program with another clock.
  async clock() {
    return { at: now() };
  },

  // A message to the worker and back: what the engine's own paths cost, scripts at both ends included.
  async echo(warmUp, count) {
    const times = [];
    for (let index = 0; index < warmUp + count; index++) {
      const sent = now();
      send('echo');
      const { at } = await message();
      const received = now();
      // 0.2 ms: the clocks of a browser are coarse.
      if (at < sent - 0.2 || at > received + 0.2) {
        throw new Error(`the worker's clock says ${at} between ${sent} and ${received}`);
      }
      if (index >= warmUp) times.push(received - sent);
    }
    return { times };
  },

  // The same for many messages at once.
  async flood(count) {
    const sent = now();
    for (let index = 0; index < count; index++) send('echo');
    for (let index = 0; index < count; index++) await message();
    return { resolved: now() - sent };
  },

  // To whoever keeps the registrations, and back: what `register()` needs, too, before it stores anything. As there, the
  // worker has just been spoken to: calls that follow each other at once find every thread awake.
  async ask(warmUp, count) {
    const times = [];
    for (let index = 0; index < warmUp + count; index++) {
      await expect(1);
      const called = now();
      const tags = await registration.sync.getTags();
      const answered = now();
      if (tags.length) throw new Error(`${tags.length} tags where there should be none`);
      if (index >= warmUp) times.push(answered - called);
    }
    return { times };
  },

  // The same for many calls at once.
  async askAtOnce(count) {
    const called = now();
    await Promise.all(Array.from({ length: count }, () => registration.sync.getTags()));
    return { resolved: now() - called };
  },

  // One after the other, online: until the promise is resolved, and until the event is there; and from one's promise until
  // the call of the next.
  async latency(warmUp, count) {
    const register = [];
    const event = [];
    const before = [];
    let previous;
    for (let index = 0; index < warmUp + count; index++) {
      await expect(1);
      const called = now();
      if (index > warmUp) before.push(called - previous);
      await registration.sync.register(tag());
      const resolved = now();
      const { first } = await message();
      if (index >= warmUp) {
        register.push(resolved - called);
        event.push(first - called);
      }
      previous = resolved;
    }
    return { register, event, before };
  },

  // Many calls at once, online: until all promises are resolved, and until all events are there.
  async atOnce(count) {
    await expect(count);
    const called = now();
    await registerMany(count);
    const resolved = now();
    const { last } = await message();
    return { resolved: resolved - called, delivered: last - called };
  },

  // Many calls at once, with no events.
  async grow(count) {
    const called = now();
    await registerMany(count);
    return { resolved: now() - called };
  },

  // Reports `delivered` by itself once so many events have come: a question for that would disturb them.
  async expect(count) {
    await expect(count);
    message().then((value) => report({ name: 'delivered', value }));
    return {};
  },

  async tags() {
    return { count: (await registration.sync.getTags()).length };
  },

  // Servo's own; with a preference it is there for pages. Other engines are asked from outside.
  async collectGarbage() {
    navigator.servo.garbageCollectAllContexts();
    return {};
  },
};

const report = (what) => console.log(`bench ${JSON.stringify(what)}`);

const bench = {};
for (const [name, run] of Object.entries(work)) {
  bench[name] = (...args) => {
    run(...args).then(
      (value) => report({ name, value }),
      (error) => report({ name, error: String(error) }));
  };
}

report({ name: 'loaded', value: {} });
