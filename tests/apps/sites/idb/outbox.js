// For page and worker.
const database = idb.openDB('outbox', 1, {
  upgrade(database) {
    const messages = database.createObjectStore('messages', { keyPath: 'number', autoIncrement: true });
    messages.createIndex('state', 'state');
  },
});

self.outbox = {
  async add(message) {
    await (await database).add('messages', { ...message, state: 'waiting' });
  },
  async all() {
    return (await database).getAllFromIndex('messages', 'state', 'waiting');
  },
  async done(message) {
    const transaction = (await database).transaction('messages', 'readwrite');
    await Promise.all([transaction.store.put({ ...message, state: 'sent' }), transaction.done]);
  },
};
