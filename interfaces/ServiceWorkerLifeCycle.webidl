// The members that a page and a worker need to see the life cycle which sync events rest on.
// https://w3c.github.io/ServiceWorker/#serviceworkercontainer-interface
partial interface ServiceWorkerContainer {
  readonly attribute Promise<ServiceWorkerRegistration> ready;
};

// https://w3c.github.io/ServiceWorker/#serviceworkerglobalscope-interface
partial interface ServiceWorkerGlobalScope {
  [SameObject] readonly attribute ServiceWorkerRegistration registration;
  attribute EventHandler oninstall;
  attribute EventHandler onactivate;
};
