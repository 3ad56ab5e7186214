//! A site for one test: a page with helpers, and the test's own service worker.

use std::path::Path;

use crate::{FAST_RETRIES, Kiosk, KioskBuilder, TestServer};

/// Registers the worker, and says so in the console when it is active.
pub const PAGE: &str = r"<!DOCTYPE html>
<html><head><meta charset=utf-8><title>test</title></head><body><script>
  // Runs `work` and writes its end to the console.
  function settle(label, work) {
    work().then(
      (value) => console.log(`${label}ok ${JSON.stringify(value ?? null)}`),
      (error) => console.log(`${label}error ${error.name}`));
  }
  async function start() {
    await navigator.serviceWorker.register('/sw.js');
    window.registration = await navigator.serviceWorker.ready;
    console.log('page ready');
  }
  if (navigator.serviceWorker) start().catch((error) => console.log(`page failed: ${error}`));
</script></body></html>";

/// For page and worker: does `work` with the store `messages`, and resolves with what its request has found once the
/// transaction is complete.
pub const INDEXED_DB: &str = r"
  function inOutbox(mode, work) {
    return new Promise((resolve, reject) => {
      const opening = indexedDB.open('outbox', 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore('messages');
      opening.onerror = () => reject(opening.error);
      opening.onsuccess = () => {
        const transaction = opening.result.transaction('messages', mode);
        const request = work(transaction.objectStore('messages'));
        transaction.oncomplete = () => { opening.result.close(); resolve(request.result); };
        transaction.onerror = transaction.onabort = () => reject(transaction.error);
      };
    });
  }
";

/// In front of every worker: posts JSON to the server, and throws unless the answer is 2xx.
const WORKER_PRELUDE: &str = r"'use strict';
  async function post(path, body) {
    const response = await fetch(path, { method: 'POST', body: JSON.stringify(body ?? null) });
    if (!response.ok) throw new Error(`status ${response.status}`);
  }
";

/// In a worker: claims its page, so that a test need not load it again.
const CLAIM: &str = "onactivate = (event) => event.waitUntil(clients.claim());";

/// A server with the page and a worker.
pub struct Site {
    /// The server.
    pub server: TestServer,
}

impl Site {
    /// Serves the page and this worker.
    pub fn new(worker: &str) -> Self {
        let server = TestServer::start();
        server.serve("/", "text/html", PAGE);
        let site = Self { server };
        site.serve_worker(worker);
        site
    }

    /// Opens the page in this profile, and waits until this worker controls it.
    pub fn controlled_by(worker: &str, profile: &Path) -> (Self, Kiosk) {
        Self::controlled_in(worker, Kiosk::with_fast_retries(profile))
    }

    /// Opens the page with these settings, and waits until this worker controls it.
    pub fn controlled_in(worker: &str, builder: KioskBuilder) -> (Self, Kiosk) {
        let site = Self::new(&format!("{CLAIM}{worker}"));
        let mut kiosk = site.open_with(builder);
        kiosk.wait_until_controlled();
        (site, kiosk)
    }

    /// Serves the page with this script, too.
    pub fn add_to_page(&self, script: &str) {
        let script = format!("<script>{script}</script></body>");
        let page = PAGE.replace("</body>", &script);
        self.server.serve("/", "text/html", &page);
    }

    /// Serves another version of the worker from now on.
    pub fn serve_worker(&self, worker: &str) {
        self.server.serve(
            "/sw.js",
            "text/javascript",
            &format!("{WORKER_PRELUDE}\n{worker}"),
        );
    }

    /// Opens the page with fast retries, and waits until its worker is active.
    pub fn open(&self) -> Kiosk {
        self.open_with(Kiosk::builder().background_sync(FAST_RETRIES))
    }

    /// Opens the page with these settings, and waits until its worker is active.
    pub fn open_with(&self, builder: KioskBuilder) -> Kiosk {
        let mut kiosk = builder.open(&self.server.url("/"));
        kiosk.wait_for_console("page ready");
        kiosk
    }
}
