'use strict';

// The outbox: messages in IndexedDB, in the order they were written. Page and service worker share it.

const outbox = (() => {
  const STORE = 'messages';

  function settle(request) {
    return new Promise((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  let opening;
  function open() {
    opening ??= new Promise((resolve, reject) => {
      const request = indexedDB.open('outbox', 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(STORE, { keyPath: 'number', autoIncrement: true });
      };
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    return opening;
  }

  // Runs `work` on the store; resolves with its result once the transaction is complete.
  async function run(mode, work) {
    const database = await open();
    const transaction = database.transaction(STORE, mode);
    const complete = new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
      transaction.onerror = () => reject(transaction.error);
    });
    const result = await settle(work(transaction.objectStore(STORE)));
    await complete;
    return result;
  }

  // Names a message for ever, so that the server can tell a message sent twice from two alike.
  function newId() {
    const random = Math.random().toString(36).slice(2);
    return `${Date.now().toString(36)}-${random}`;
  }

  return {
    add: (text) => run('readwrite', (store) => store.add({ id: newId(), text })),
    all: () => run('readonly', (store) => store.getAll()),
    remove: (number) => run('readwrite', (store) => store.delete(number)),
  };
})();
