// https://w3c.github.io/ServiceWorker/#cachestorage-interface
// What Servo's own CacheStorage.webidl lacks. `any` is (Response or undefined).
partial interface CacheStorage {
  [NewObject] Promise<any> match(RequestInfo request, optional MultiCacheQueryOptions options = {});
  [NewObject] Promise<sequence<DOMString>> keys();
};

dictionary MultiCacheQueryOptions : CacheQueryOptions {
  DOMString cacheName;
};
