// https://notifications.spec.whatwg.org/#service-worker-api
[Exposed=ServiceWorker, Pref="dom_notification_enabled"]
interface NotificationEvent : ExtendableEvent {
  [Throws] constructor(DOMString type, NotificationEventInit eventInitDict);

  readonly attribute Notification notification;
  readonly attribute DOMString action;
};

dictionary NotificationEventInit : ExtendableEventInit {
  required Notification notification;
  DOMString action = "";
};

partial interface ServiceWorkerRegistration {
  [NewObject, Pref="dom_notification_enabled"]
  Promise<undefined> showNotification(DOMString title, optional NotificationOptions options = {});
  [NewObject, Pref="dom_notification_enabled"]
  Promise<sequence<Notification>> getNotifications(optional GetNotificationOptions filter = {});
};

partial interface ServiceWorkerGlobalScope {
  [Pref="dom_notification_enabled"] attribute EventHandler onnotificationclick;
  [Pref="dom_notification_enabled"] attribute EventHandler onnotificationclose;
};
