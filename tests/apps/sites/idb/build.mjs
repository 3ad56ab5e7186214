import { copy, library, shared } from '../tools.mjs';

export default async function build(source, out) {
  await copy(source, out, ['index.html', 'app.js', 'outbox.js', 'sw.js']);
  await shared(out);
  await library('idb/build/umd.js', out, 'idb.js');
}
