// https://w3c.github.io/ServiceWorker/#clients-interface
partial interface Clients {
  // Of a Client or undefined.
  [NewObject] Promise<any> get(DOMString id);
  [NewObject] Promise<WindowClient?> openWindow(USVString url);
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
