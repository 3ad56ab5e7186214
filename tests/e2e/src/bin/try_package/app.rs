//! The app of the trial: it sends an order.

/// No second attempt comes by itself.
pub const SLOW_RETRIES: &str = "[background_sync]\nfirst_retry_delay_ms = 3600000\n";

/// The first message.
pub const ORDER: &str = "order 7";

/// Sends one message, once: `ORDER` is replaced by it.
const PAGE: &str = "<!DOCTYPE html><title>My app</title><p>Hello<script>(async () => {
    await navigator.serviceWorker.register('/sw.js');
    const registration = await navigator.serviceWorker.ready;
    if (localStorage.sent !== 'ORDER') await registration.sync.register('ORDER');
    localStorage.sent = 'ORDER';
  })();</script>";

pub const WORKER: &str = "onsync = (event) => event.waitUntil((async () => {
    const response = await fetch('/orders', { method: 'POST', body: JSON.stringify(event.tag) });
    if (!response.ok) throw new Error('refused');
  })());";

/// The page for this order.
pub fn page_that_sends(order: &str) -> String {
    PAGE.replace("ORDER", order)
}
