importScripts('/workbox/workbox-sw.js');
workbox.setConfig({ modulePathPrefix: '/workbox/', debug: false });
// Modules that are used later than at the start have to be asked for at the start.
workbox.loadModule('workbox-background-sync');

const { core, precaching, routing, strategies } = workbox;

core.skipWaiting();
core.clientsClaim();
precaching.precacheAndRoute(self.__WB_MANIFEST);
routing.registerRoute(
  ({ url, request }) => url.pathname.startsWith('/api/') && request.method === 'GET',
  new strategies.StaleWhileRevalidate({ cacheName: 'api' }),
);

const queue = new workbox.backgroundSync.Queue('outbox', { onSync: replay });

async function replay({ queue }) {
  let entry;
  while ((entry = await queue.shiftRequest())) {
    try {
      const response = await fetch(entry.request.clone());
      if (response.status >= 500) throw new Error(`status ${response.status}`);
    } catch (error) {
      await queue.unshiftRequest(entry);
      throw error;
    }
  }
}

self.addEventListener('fetch', (event) => {
  if (event.request.method === 'POST') event.respondWith(sendOrKeep(event.request));
});

async function sendOrKeep(request) {
  try {
    return await fetch(request.clone());
  } catch {
    await queue.pushRequest({ request });
    return new Response(null, { status: 202 });
  }
}
