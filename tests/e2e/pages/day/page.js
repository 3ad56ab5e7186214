async function send(message) {
  await inOutbox('readwrite', (store) => store.put(message, message));
  const registration = await navigator.serviceWorker.ready;
  await registration.sync.register('outbox');
  console.log(`registered ${message}`);
}
async function start() {
  await navigator.serviceWorker.register('/sw.js');
  const registration = await navigator.serviceWorker.ready;
  // What an app does when it is opened: whatever waits is to be sent.
  if (await inOutbox('readonly', (store) => store.count()) > 0) await registration.sync.register('outbox');
  // Nobody taps on what they do not see yet.
  requestAnimationFrame(() => requestAnimationFrame(() => console.log('page ready')));
}
document.forms[0].onsubmit = (event) => {
  event.preventDefault();
  const input = document.querySelector('#message');
  send(input.value).catch((error) => console.log(`failed: ${error}`));
  input.value = '';
};
start().catch((error) => console.log(`page failed: ${error}`));
