// What the benchmark has the page do. Each call reports its end by a line of the console that starts with `bench`.
'use strict';

const FILES = 100;
const BIG_ENTRY = 'stored';

let loadMs = null;

const report = (name, value) => console.log(`bench ${JSON.stringify({ name, value })}`);

// The page's parser loads as many scripts; this is the other half of its 200 files.
async function load() {
  const responses = await Promise.all(
    Array.from({ length: FILES }, (_, index) => fetch(`data/${index}`)));
  await Promise.all(responses.map((response) => response.arrayBuffer()));
  if (!responses.every((response) => response.ok)) throw new Error('a file is missing');
  if (globalThis.scriptsRun !== FILES) throw new Error(`${globalThis.scriptsRun} scripts have run`);
  loadMs = performance.now();
}

const functions = {
  // Until the worker is there, if this page has one.
  async start() {
    if (!location.pathname.startsWith('/app/')) return;
    await navigator.serviceWorker.register('worker.js');
    await navigator.serviceWorker.ready;
    if (navigator.serviceWorker.controller) return;
    await new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve));
  },

  // From the start of the navigation until the last of the 200 files was there, in milliseconds, and who gave the page.
  loading: () => ({ ms: loadMs, controlled: navigator.serviceWorker.controller !== null }),

  // Reads a long body that comes by way of the worker.
  async stream(bytes) {
    const start = performance.now();
    const response = await fetch(`big?bytes=${bytes}`);
    const reader = response.body.getReader();
    let firstMs = null;
    let length = 0;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      firstMs ??= performance.now() - start;
      length += value.length;
    }
    if (length !== bytes) throw new Error(`${length} of ${bytes} bytes have come`);
    return { first_ms: firstMs, total_ms: performance.now() - start };
  },

  // Stores a long body.
  async put(bytes) {
    const cache = await caches.open(BIG_ENTRY);
    await cache.put(BIG_ENTRY, await fetch(`big?bytes=${bytes}`));
    if (!await cache.match(BIG_ENTRY)) throw new Error('the entry is not there');
    await caches.delete(BIG_ENTRY);
  },

  // The mean time of match() in a cache with so many entries, in milliseconds.
  async match(count, matches) {
    const name = `${count} entries`;
    const cache = await caches.open(name);
    const url = (index) => `entry/${index % count}`;
    for (let index = 0; index < count; index += 50) {
      const length = Math.min(50, count - index);
      await Promise.all(Array.from({ length }, (_, offset) =>
        cache.put(url(index + offset), new Response('an entry'))));
    }
    const start = performance.now();
    for (let index = 0; index < matches; index++) {
      // Spread over all of them.
      if (!await cache.match(url(index * 7919))) throw new Error('an entry is not there');
    }
    const ms = (performance.now() - start) / matches;
    await caches.delete(name);
    return ms;
  },
};

globalThis.bench = Object.fromEntries(Object.entries(functions).map(([name, perform]) => [
  name,
  (...parameters) => {
    Promise.resolve().then(() => perform(...parameters)).then(
      (value) => report(name, value ?? null),
      (error) => console.log(`bench ${JSON.stringify({ name, error: String(error) })}`));
  },
]));

addEventListener('load', () => load().then(
  () => report('loaded', null),
  (error) => console.log(`bench ${JSON.stringify({ name: 'loaded', error: String(error) })}`)));
