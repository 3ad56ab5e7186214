import { build as vite } from 'vite';

export default async function build(source, out) {
  const configFile = `${source}/vite.config.js`;
  await vite({ root: source, configFile, logLevel: 'warn', build: { outDir: out, emptyOutDir: true } });
}
