import { injectManifest } from '@serwist/build';
import { build as vite } from 'vite';

export default async function build(source, out) {
  await vite({ root: source, logLevel: 'warn', build: { outDir: out, emptyOutDir: true } });
  await vite({
    root: source,
    logLevel: 'warn',
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      outDir: out,
      emptyOutDir: false,
      lib: { entry: 'sw.js', formats: ['iife'], name: 'sw', fileName: () => 'sw.js' },
    },
  });
  await injectManifest({
    swSrc: `${out}/sw.js`,
    swDest: `${out}/sw.js`,
    globDirectory: out,
    globPatterns: ['**/*.{html,js,css}'],
    globIgnores: ['sw.js'],
  });
}
