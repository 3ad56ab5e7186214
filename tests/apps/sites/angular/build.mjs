import { relative } from 'node:path';
import { copy, library, run, shared } from '../tools.mjs';

export default async function build(source, out) {
  await copy(source, out, ['index.html', 'app.js', 'outbox.js', 'sw-sync.js']);
  await shared(out);
  await library('@angular/service-worker/ngsw-worker.js', out, 'ngsw-worker.js');
  // Writes ngsw.json, with the hashes of what is in the folder. It takes paths from its own folder on.
  await run('@angular/service-worker/ngsw-config.js', [relative(source, out), 'ngsw-config.json', '/'], source);
}
