import { injectManifest } from 'workbox-build';
import { copy, library, shared } from '../tools.mjs';

const MODULES = ['background-sync', 'core', 'precaching', 'routing', 'strategies'];

// As its documentation tells those who serve Workbox themselves: the modules in a folder, the manifest injected.
export async function workbox(source, out) {
  await copy(source, out, ['index.html', 'app.js']);
  await shared(out);
  await library('workbox-sw/build/workbox-sw.js', out, 'workbox/workbox-sw.js');
  for (const name of MODULES) {
    const file = `workbox-${name}.prod.js`;
    await library(`workbox-${name}/build/${file}`, out, `workbox/${file}`);
  }
  await injectManifest({
    swSrc: `${source}/sw.js`,
    swDest: `${out}/sw.js`,
    globDirectory: out,
    globPatterns: ['*.{html,js,css}'],
  });
}

export default workbox;
