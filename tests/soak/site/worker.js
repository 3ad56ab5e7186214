// The worker of the soak's page: handles syncs, with a fetch or without, and tells the page when a number is done.
'use strict';

// The page's wish: tell it when so many events have been handled.
let wish = null;

async function handle(fetches) {
  if (!fetches) return;
  const response = await fetch('/empty', { method: 'POST', body: 'message' });
  if (!response.ok) throw new Error(`status ${response.status}`);
}

self.addEventListener('sync', (event) => {
  if (!wish) return;
  const { page, fetches } = wish;
  const handled = handle(fetches);
  event.waitUntil(handled);
  handled.catch(() => { wish.failed += 1; }).then(() => {
    wish.count -= 1;
    if (wish.count > 0) return;
    page.postMessage({ failed: wish.failed });
    wish = null;
  });
});

self.addEventListener('message', (event) => {
  const { expect, fetches } = event.data;
  wish = { count: expect, fetches, failed: 0, page: event.source };
  event.source.postMessage('expecting');
});
