// https://w3c.github.io/ServiceWorker/#clients-interface
[Pref="dom_serviceworker_enabled", Exposed=ServiceWorker]
interface Clients {
  [NewObject] Promise<sequence<Client>> matchAll(optional ClientQueryOptions options = {});
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
