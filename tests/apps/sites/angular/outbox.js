// For page and worker: what MDN's introduction to IndexedDB shows, with promises.
function inOutbox(mode, work) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('outbox', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('messages', { keyPath: 'number', autoIncrement: true });
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction('messages', mode);
      const request = work(transaction.objectStore('messages'));
      transaction.oncomplete = () => { opening.result.close(); resolve(request.result); };
      transaction.onabort = () => reject(transaction.error);
    };
  });
}

self.outbox = {
  add: (message) => inOutbox('readwrite', (messages) => messages.add(message)),
  all: () => inOutbox('readonly', (messages) => messages.getAll()),
  done: ({ number }) => inOutbox('readwrite', (messages) => messages.delete(number)),
};
