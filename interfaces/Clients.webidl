// https://w3c.github.io/ServiceWorker/#clients-interface
[Pref="dom_serviceworker_enabled", Exposed=ServiceWorker]
interface Clients {
  // Of a Client or undefined.
  [NewObject] Promise<any> get(DOMString id);
  [NewObject] Promise<sequence<Client>> matchAll(optional ClientQueryOptions options = {});
  [NewObject] Promise<WindowClient?> openWindow(USVString url);
  [NewObject] Promise<undefined> claim();
};

dictionary ClientQueryOptions {
  boolean includeUncontrolled = false;
  ClientType type = "window";
};

enum ClientType {
  "window",
  "worker",
  "sharedworker",
  "all"
};

// https://w3c.github.io/ServiceWorker/#client-interface
partial interface Client {
  readonly attribute ClientType type;
};

// https://w3c.github.io/ServiceWorker/#windowclient-interface
partial interface WindowClient {
  readonly attribute DocumentVisibilityState visibilityState;
  readonly attribute boolean focused;
};
