'use strict';
function inOutbox(mode, work) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open('outbox', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('messages');
    opening.onerror = () => reject(opening.error);
    opening.onsuccess = () => {
      const transaction = opening.result.transaction('messages', mode);
      const request = work(transaction.objectStore('messages'));
      transaction.oncomplete = () => { opening.result.close(); resolve(request.result); };
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    };
  });
}
