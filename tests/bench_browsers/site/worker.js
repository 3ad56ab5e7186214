// The worker of the benchmark's page: notes when events come, and answers the page.
'use strict';

const now = () => performance.timeOrigin + performance.now();

// The page's wish: tell it when so many events have come.
let wish = null;

self.addEventListener('sync', (event) => {
  const at = now();
  event.waitUntil(Promise.resolve());
  if (!wish) return;
  wish.first ??= at;
  wish.count += 1;
  if (wish.count === wish.expected) {
    wish.page.postMessage({ first: wish.first, last: at });
    wish = null;
  }
});

self.addEventListener('message', (event) => {
  if (event.data === 'echo') {
    event.source.postMessage({ at: now() });
    return;
  }
  wish = { expected: event.data.expect, count: 0, first: null, page: event.source };
  event.source.postMessage('expecting');
});
