const open = (name, version, upgrade) => new Promise((resolve, reject) => {
  const request = indexedDB.open(name, version);
  request.onupgradeneeded = () => upgrade?.(request.result, request.transaction);
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
// Says how the transaction has ended.
const end = (transaction) => new Promise((resolve) => {
  transaction.oncomplete = () => resolve('complete');
  transaction.onabort = () => resolve(transaction.error?.name ?? 'aborted');
});
const result = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = (event) => { event.preventDefault(); reject(request.error); };
});
const store = (database, mode = 'readonly') =>
  database.transaction('messages', mode).objectStore('messages');
const all = (database) => result(store(database).getAll());
// A database with three messages, of which two are to Ada.
async function mailbox(name, options = {}) {
  const database = await open(name, 1, (database) => {
    const messages = database.createObjectStore('messages', { keyPath: 'id', autoIncrement: true });
    messages.createIndex('to', 'to', options);
  });
  const messages = store(database, 'readwrite');
  for (const to of ['Ada', 'Grace', 'Ada']) messages.put({ to });
  await end(messages.transaction);
  return database;
}
// What a cursor comes by: its keys and primary keys.
async function walk(source, direction, range) {
  const request = source.openCursor(range, direction);
  const found = [];
  for (let cursor = await result(request); cursor; cursor = await result(request)) {
    found.push([cursor.key, cursor.primaryKey, cursor.value.id]);
    cursor.continue();
  }
  return found;
}
