// For page and worker.
const store = localforage.createInstance({ name: 'outbox', storeName: 'messages' });

self.outbox = {
  async add(message) {
    // Keys are in order.
    await store.setItem(`${Date.now().toString().padStart(15, '0')} ${message.id}`, message);
  },
  async all() {
    const messages = [];
    await store.iterate((message, key) => { messages.push({ ...message, key }); });
    return messages;
  },
  async done({ key }) {
    await store.removeItem(key);
  },
};
