import { copy, shared } from '../tools.mjs';

export default async function build(source, out) {
  await copy(source, out, ['index.html', 'app.js', 'store.js', 'sw.js']);
  await shared(out);
}
