// For page and worker.
const database = new Dexie('outbox');
database.version(1).stores({ messages: '++number, state' });

self.outbox = {
  async add(message) {
    await database.messages.add({ ...message, state: 'waiting' });
  },
  async all() {
    return database.messages.where('state').equals('waiting').sortBy('number');
  },
  async done({ number }) {
    await database.messages.update(number, { state: 'sent' });
  },
};
