import { build as vite } from 'vite';
import { generateSW } from 'workbox-build';

export default async function build(source, out) {
  await vite({ root: source, logLevel: 'warn', build: { outDir: out, emptyOutDir: true } });
  await generateSW({
    globDirectory: out,
    globPatterns: ['**/*.{html,js,css}'],
    swDest: `${out}/sw.js`,
    skipWaiting: true,
    clientsClaim: true,
    runtimeCaching: [{
      urlPattern: ({ url }) => url.pathname.startsWith('/api/'),
      handler: 'NetworkFirst',
      options: { cacheName: 'api' },
    }],
  });
}
