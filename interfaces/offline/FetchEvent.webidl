// https://w3c.github.io/ServiceWorker/#fetchevent-interface
// Each `any` of the dictionary and of respondWith() is a promise by the specification.
[Pref="dom_serviceworker_enabled", Exposed=ServiceWorker]
interface FetchEvent : ExtendableEvent {
  [Throws] constructor(DOMString type, FetchEventInit eventInitDict);

  [SameObject] readonly attribute Request request;
  readonly attribute Promise<any> preloadResponse;
  readonly attribute DOMString clientId;
  readonly attribute DOMString resultingClientId;
  readonly attribute DOMString replacesClientId;
  readonly attribute Promise<undefined> handled;

  [Throws] undefined respondWith(any r);
};

dictionary FetchEventInit : ExtendableEventInit {
  required Request request;
  any preloadResponse;
  DOMString clientId = "";
  DOMString resultingClientId = "";
  DOMString replacesClientId = "";
  any handled;
};

partial interface ServiceWorkerGlobalScope {
  attribute EventHandler onfetch;
};
