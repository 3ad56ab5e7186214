// What the page of the tests of growth can do again and again.
async function fetches(count) {
  for (let index = 0; index < count; index++) await (await fetch('/answer')).text();
  console.log('done');
}
let nextTag = 0;
const weak = [];
const bytes = new Uint8Array(1_000_000);
async function posts(count) {
  const init = { method: 'POST', mode: 'no-cors', body: bytes.subarray(0, 100_000) };
  // Nobody listens there.
  for (let index = 0; index < count; index++) await fetch('http://127.0.0.1:1/', init).catch(() => {});
  console.log('done');
}
// Resolves with how many of their objects have gone, once as many have gone as ever will, or never.
async function visitors(count) {
  const workers = [];
  const registrations = [];
  await (async () => {
    for (let index = 0; index < count; index++) {
      const options = { scope: `/visited/${index}/` };
      const visit = await navigator.serviceWorker.register('/visitor.js', options);
      const worker = visit.installing;
      await new Promise((resolve) => {
        worker.onstatechange = () => worker.state === 'activated' && resolve();
      });
      const redundant = new Promise((resolve) => { worker.onstatechange = resolve; });
      await visit.unregister();
      await redundant;
      workers.push(new WeakRef(worker));
      registrations.push(new WeakRef(visit));
    }
  })();
  const gone = (references) => references.filter((reference) => !reference.deref()).length;
  while (gone(workers) < count || gone(registrations) < count) {
    // Not in the task that has looked at them, which keeps them until it ends.
    for (let garbage = 0; garbage < 20; garbage++) {
      await new Promise((resolve) => setTimeout(resolve));
      new Uint8Array(1_000_000);
    }
  }
  return `workers ${gone(workers)}, registrations ${gone(registrations)}`;
}
async function cacheable(first, count) {
  for (let index = first; index < first + count; index++) {
    await (await fetch(`/cacheable?${index}`)).arrayBuffer();
  }
  console.log('done');
}
async function blobs(count) {
  for (let index = 0; index < count; index++) {
    new Blob([bytes]);
    await new Promise((resolve) => setTimeout(resolve));
  }
  console.log('done');
}
const syncs = (count) => Promise.all(
  Array.from({ length: count }, () => registration.sync.register(`tag ${nextTag++}`)));
