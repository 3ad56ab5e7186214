'use strict';

const byId = (id) => document.getElementById(id);
const changes = new BroadcastChannel('outbox');

byId('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const text = byId('text').value.trim();
  if (!text) return;
  byId('text').value = '';
  try {
    await send(text);
  } catch (error) {
    complain(error);
  }
});

// Keeps the message, and asks the browser to wake the service worker as soon as there is a network.
async function send(text) {
  await outbox.add(text);
  await showQueued();
  const registration = await navigator.serviceWorker.ready;
  await registration.sync.register('send-messages');
  console.info('[outbox] registered a sync for the outbox');
}

function complain(error) {
  byId('problem').textContent = `That did not work: ${error.message}`;
  byId('problem').hidden = false;
  console.error(`[outbox] ${error.name}: ${error.message}`);
}

function showList(name, messages) {
  byId(name).replaceChildren(...messages.map((message) => {
    const item = document.createElement('li');
    item.textContent = message.text;
    return item;
  }));
  byId(`${name}-count`).textContent = messages.length;
  byId(`${name}-empty`).hidden = messages.length > 0;
}

async function showQueued() {
  showList('queued', await outbox.all());
}

async function showSent() {
  if (!navigator.onLine) return;
  const response = await fetch('/messages');
  if (!response.ok) return;
  const sent = await response.json();
  showList('sent', sent);
  console.info(`[outbox] shows ${sent.length} sent messages`);
}

async function showAll() {
  await showQueued();
  await showSent();
}

function showStatus() {
  const online = navigator.onLine;
  byId('status').textContent = online ? 'online' : 'offline';
  byId('status').className = online ? 'pill online' : 'pill offline';
}

for (const type of ['online', 'offline']) {
  window.addEventListener(type, () => {
    showStatus();
    console.info(`[outbox] ${type}`);
    showAll().catch(complain);
  });
}
changes.onmessage = () => showAll().catch(complain);

async function start() {
  showStatus();
  await navigator.serviceWorker.register('sw.js');
  await navigator.serviceWorker.ready;
  await showAll();
  console.info('[outbox] ready, its service worker is active');
}

start().catch(complain);
