async function sendOutbox() {
  for (const message of await inOutbox('readonly', (store) => store.getAllKeys())) {
    const answer = await fetch('/message', { method: 'POST', body: message });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    // An answer that breaks off is none.
    await answer.text();
    await inOutbox('readwrite', (store) => store.delete(message));
  }
}
self.addEventListener('sync', (event) => {
  if (event.tag === 'outbox') event.waitUntil(sendOutbox());
});
