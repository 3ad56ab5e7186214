// For page and worker: what has been said, and whether the server has it.
function inChat(mode, work) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('emoji-chat', 1);
    opening.onupgradeneeded = () => {
      const messages = opening.result.createObjectStore('messages', { keyPath: 'number', autoIncrement: true });
      messages.createIndex('waiting', 'waiting');
    };
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction('messages', mode);
      const request = work(transaction.objectStore('messages'));
      transaction.oncomplete = () => { opening.result.close(); resolve(request.result); };
      transaction.onabort = () => reject(transaction.error);
    };
  });
}

self.store = {
  add: (text) => inChat('readwrite', (messages) => messages.add({ text, id: crypto.randomUUID(), waiting: 1 })),
  all: () => inChat('readonly', (messages) => messages.getAll()),
  waiting: () => inChat('readonly', (messages) => messages.index('waiting').getAll(1)),
  // Without the property it is not in the index.
  sent: ({ number, text, id }) => inChat('readwrite', (messages) => messages.put({ number, text, id })),
};
