// The members that a page and a worker need to see the life cycle which sync events rest on.
// https://w3c.github.io/ServiceWorker/#serviceworkercontainer-interface
partial interface ServiceWorkerContainer {
  readonly attribute Promise<ServiceWorkerRegistration> ready;

  // Of a FrozenArray<ServiceWorkerRegistration>, which Servo's generator does not know inside a promise.
  [NewObject] Promise<any> getRegistrations();
  undefined startMessages();

  attribute EventHandler oncontrollerchange;
  attribute EventHandler onmessage;
  attribute EventHandler onmessageerror;
};

// https://w3c.github.io/ServiceWorker/#serviceworkerregistration-interface
partial interface ServiceWorkerRegistration {
  [NewObject] Promise<ServiceWorkerRegistration> update();

  attribute EventHandler onupdatefound;
};

// https://w3c.github.io/ServiceWorker/#serviceworkerglobalscope-interface
partial interface ServiceWorkerGlobalScope {
  [SameObject] readonly attribute Clients clients;
  [SameObject] readonly attribute ServiceWorkerRegistration registration;
  [SameObject] readonly attribute ServiceWorker serviceWorker;

  [NewObject] Promise<undefined> skipWaiting();

  attribute EventHandler oninstall;
  attribute EventHandler onactivate;
};
