// What all pages have: a form, a list, and a line in the console for each thing that a person would see.

export function say(text) {
  console.log(`app: ${text}`);
}

// `send` resolves with what became of the text: "sent", or "kept" for later. `ready` resolves once the app opens without a
// network.
export function chat({ send, ready }) {
  const form = document.querySelector('form');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const text = form.elements.text.value;
    form.reset();
    const item = document.createElement('li');
    item.textContent = text;
    document.querySelector('ul').append(item);
    const fate = await send(text).catch((error) => `failed, ${error},`);
    item.textContent = `${text} (${fate})`;
    say(`${fate} ${text}`);
  });
  loaded().then(() => say(`open, ${isStyled() ? 'styled' : 'without its style'}`));
  ready.then(() => say('ready for offline'), (error) => say(`not ready for offline: ${error}`));
}

// Posts one message; a server that refuses it is an error, too.
export async function post(message) {
  const response = await fetch('/api/messages', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(message),
  });
  if (!response.ok) throw new Error(`status ${response.status}`);
  return response;
}

// Resolves once this page is controlled, as it is by a worker that claims it, or when it is loaded again.
export function controlled() {
  const { serviceWorker } = navigator;
  return new Promise((resolve) => {
    const look = () => serviceWorker.controller && resolve();
    serviceWorker.addEventListener('controllerchange', look);
    look();
  });
}

function loaded() {
  return new Promise((resolve) => {
    if (document.readyState === 'complete') resolve();
    else addEventListener('load', resolve);
  });
}

function isStyled() {
  return getComputedStyle(document.body).color === 'rgb(20, 30, 40)';
}
