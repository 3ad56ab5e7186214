import { BackgroundSyncPlugin, NetworkFirst, NetworkOnly, Serwist } from 'serwist';

const serwist = new Serwist({
  precacheEntries: self.__SW_MANIFEST,
  skipWaiting: true,
  clientsClaim: true,
  navigationPreload: false,
  runtimeCaching: [
    {
      matcher: ({ url }) => url.pathname.startsWith('/api/'),
      method: 'POST',
      handler: new NetworkOnly({
        plugins: [new BackgroundSyncPlugin('messages', { maxRetentionTime: 24 * 60 })],
      }),
    },
    {
      matcher: ({ url }) => url.pathname.startsWith('/api/'),
      handler: new NetworkFirst({ cacheName: 'api' }),
    },
  ],
});

serwist.addEventListeners();
