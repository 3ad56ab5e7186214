// Builds the apps that are named into DIST/NAME: node build.mjs DIST NAME...
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const [dist, ...names] = process.argv.slice(2);

for (const name of names) {
  const out = resolve(dist, name);
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  const { default: build } = await import(`./${name}/build.mjs`);
  await build(join(HERE, name), out);
}
