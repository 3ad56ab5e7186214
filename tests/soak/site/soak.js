// The soak's page. The program that drives the browser calls `bench.NAME(...)`; each call ends with one console line,
// `bench ` and JSON.
'use strict';

// Events that are on their way at once. More would have each browser open as many connections, and measure the server.
const SYNCS_AT_ONCE = 4;
// Scopes that visiting workers take in turn.
const SCOPES = 16;

let registration;
// Tags and scripts that never were before, also after a reload.
const birth = Date.now();
let nextNumber = 0;
const newName = () => `${birth}-${nextNumber++}`;

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

async function answered(response) {
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response;
}

// Resolves when a worker is active; rejects if it never will be.
const activated = (worker) => new Promise((resolve, reject) => {
  const look = () => {
    if (worker.state === 'activated') resolve();
    if (worker.state === 'redundant') reject(new Error('the worker is redundant'));
  };
  worker.onstatechange = look;
  look();
});

// Has the worker handle so many events, each of a tag of its own; `fetches` says whether the handler fetches.
async function syncs(count, fetches) {
  for (let done = 0; done < count; done += SYNCS_AT_ONCE) {
    const atOnce = Math.min(SYNCS_AT_ONCE, count - done);
    registration.active.postMessage({ expect: atOnce, fetches });
    await message();
    await Promise.all(
      Array.from({ length: atOnce }, () => registration.sync.register(newName())));
    const { failed } = await message();
    if (failed) throw new Error(`${failed} of ${atOnce} events failed`);
  }
}

const work = {
  async start() {
    await navigator.serviceWorker.register('/worker.js');
    registration = await navigator.serviceWorker.ready;
    await activated(registration.active);
    return {};
  },

  async get(count) {
    for (let index = 0; index < count; index++) await answered(await fetch('/empty'));
    return {};
  },

  async post(count) {
    for (let index = 0; index < count; index++) {
      await answered(await fetch('/empty', { method: 'POST', body: 'message' }));
    }
    return {};
  },

  async text(count) {
    for (let index = 0; index < count; index++) {
      const text = await (await answered(await fetch('/text'))).text();
      if (text !== 'hello') throw new Error(`the answer was ${text}`);
    }
    return {};
  },

  // There and back.
  async bodies(count, bytes) {
    for (let index = 0; index < count; index++) {
      const body = new Uint8Array(bytes).fill(index);
      const response = await answered(await fetch('/echo', { method: 'POST', body }));
      const { byteLength } = await response.arrayBuffer();
      if (byteLength !== bytes) throw new Error(`${byteLength} bytes came back of ${bytes}`);
    }
    return {};
  },

  async syncs(count) {
    await syncs(count, false);
    return {};
  },

  async fetchingSyncs(count) {
    await syncs(count, true);
    return {};
  },

  // Workers of other scopes come, are replaced by another version, and go: two starts each.
  async visitors(count) {
    for (let index = 0; index < count; index++) {
      const scope = `/scopes/${index % SCOPES}/`;
      // The server never answers this with the same script twice.
      const visitor = await navigator.serviceWorker.register(`/visitor.js?${newName()}`, { scope });
      await activated(visitor.installing ?? visitor.waiting ?? visitor.active);
      await visitor.update();
      const next = visitor.installing ?? visitor.waiting;
      if (next) await activated(next);
      if (!await visitor.unregister()) throw new Error('there was nothing to unregister');
    }
    return {};
  },
};

const bench = {};
for (const [name, run] of Object.entries(work)) {
  bench[name] = (...args) => {
    run(...args).then(
      (value) => console.log(`bench ${JSON.stringify({ name, value })}`),
      (error) => console.log(`bench ${JSON.stringify({ name, error: String(error) })}`));
  };
}

console.log(`bench ${JSON.stringify({ name: 'loaded', value: {} })}`);
