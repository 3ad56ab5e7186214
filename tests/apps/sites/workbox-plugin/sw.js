importScripts('/workbox/workbox-sw.js');
workbox.setConfig({ modulePathPrefix: '/workbox/', debug: false });

const { backgroundSync, core, precaching, routing, strategies } = workbox;

core.skipWaiting();
core.clientsClaim();
precaching.precacheAndRoute(self.__WB_MANIFEST);
precaching.cleanupOutdatedCaches();

routing.registerRoute(
  ({ url }) => url.pathname === '/api/messages',
  new strategies.NetworkOnly({
    plugins: [new backgroundSync.BackgroundSyncPlugin('messages', { maxRetentionTime: 24 * 60 })],
  }),
  'POST',
);
routing.registerRoute(
  ({ url }) => url.pathname.startsWith('/api/'),
  new strategies.NetworkFirst({ cacheName: 'api' }),
);
