import { defineConfig } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';

export default defineConfig({
  plugins: [
    VitePWA({
      registerType: 'autoUpdate',
      manifest: { name: 'Messages', short_name: 'Messages', theme_color: '#ffffff' },
      workbox: {
        runtimeCaching: [{
          urlPattern: ({ url }) => url.pathname.startsWith('/api/'),
          method: 'POST',
          handler: 'NetworkOnly',
          options: {
            backgroundSync: { name: 'messages', options: { maxRetentionTime: 24 * 60 } },
          },
        }],
      },
    }),
  ],
});
