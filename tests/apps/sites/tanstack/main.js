import { MutationObserver, QueryClient, QueryObserver, onlineManager } from '@tanstack/query-core';
import { persistQueryClient, persistQueryClientSave } from '@tanstack/query-persist-client-core';
import { del, get, set } from 'idb-keyval';
import { chat, controlled, post, say } from '../shared/ui.js';

const DAY_MS = 24 * 60 * 60 * 1000;

const queryClient = new QueryClient({
  defaultOptions: {
    queries: { networkMode: 'offlineFirst', gcTime: DAY_MS },
    mutations: { networkMode: 'offlineFirst', gcTime: DAY_MS, retry: 3 },
  },
});
// A function is not stored with a mutation, so it is found by the key.
queryClient.setMutationDefaults(['send'], { mutationFn: post, scope: { id: 'outbox' } });
// Otherwise an app that opens offline takes itself to be online until something changes.
onlineManager.setOnline(navigator.onLine);

const persister = {
  persistClient: (client) => set('query-client', client),
  restoreClient: () => get('query-client'),
  removeClient: () => del('query-client'),
};

const [, restored] = persistQueryClient({ queryClient, persister, maxAge: DAY_MS });
restored.then(() => {
  queryClient.mount();
  new QueryObserver(queryClient, {
    queryKey: ['messages'],
    queryFn: () => fetch('/api/messages').then((response) => response.json()),
  }).subscribe(({ data, status }) => status === 'success' && say(`list ${JSON.stringify(data)}`));
  return queryClient.resumePausedMutations();
});

// Resolves when it is sent, or waits for a network and is stored.
async function send(text) {
  await restored;
  const observer = new MutationObserver(queryClient, { mutationKey: ['send'], scope: { id: 'outbox' } });
  const sent = observer.mutate({ id: crypto.randomUUID(), text }).then(() => 'sent');
  const kept = new Promise((resolve) => {
    observer.subscribe(({ isPaused }) => isPaused && resolve('kept'));
  }).then(async (fate) => {
    await persistQueryClientSave({ queryClient, persister });
    return fate;
  });
  return Promise.race([sent, kept]);
}

// Resolves once nothing waits to be sent, and that is stored.
window.settled = async () => {
  while (queryClient.isMutating()) await new Promise((resolve) => setTimeout(resolve, 20));
  await persistQueryClientSave({ queryClient, persister });
};

navigator.serviceWorker.register('/sw.js');
chat({ send, ready: Promise.all([controlled(), restored]) });
