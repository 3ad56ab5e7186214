importScripts('./ngsw-worker.js', './outbox.js');

self.addEventListener('sync', (event) => {
  if (event.tag === 'outbox') event.waitUntil(send());
});

async function send() {
  for (const message of await outbox.all()) {
    const body = JSON.stringify({ id: message.id, text: message.text });
    const response = await fetch('/api/messages', { method: 'POST', body });
    if (!response.ok) throw new Error(`status ${response.status}`);
    await outbox.done(message);
  }
}
