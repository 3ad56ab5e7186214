//! The page, its worker, and a server that says what is asked for first.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use background_sync_bench_browsers::server::{LocalServer, response};

const PAGE: &str = "<!DOCTYPE html><meta charset=utf-8><title>page</title><script>
  const failed = (error) => console.log(`failed: ${error}`);
  async function install() {
    await navigator.serviceWorker.register('/worker.js');
    await navigator.serviceWorker.ready;
    console.log('installed');
  }
  async function register() {
    await (await navigator.serviceWorker.ready).sync.register('outbox');
    console.log('registered');
  }
  if (location.search === '?install') install().catch(failed);
</script>";

const WORKER: &str = "onsync = (event) => event.waitUntil(fetch('/sync', { method: 'POST' }));";

/// Longer than any start takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requested {
    /// The page itself.
    Page,
    /// What the worker sends at its event.
    Sync,
}

/// Runs until it is dropped.
pub struct Site {
    server: LocalServer,
    requests: Receiver<(Requested, Instant)>,
}

impl Site {
    /// Starts the server.
    pub fn start() -> Result<Self> {
        let (sender, requests) = mpsc::channel();
        let server = LocalServer::start(move |request| {
            let now = Instant::now();
            let (requested, content, kind) = match request.url() {
                "/worker.js" => (None, WORKER, "text/javascript"),
                "/sync" => (Some(Requested::Sync), "", "text/plain"),
                "/favicon.ico" => (None, "", "image/x-icon"),
                _ => (Some(Requested::Page), PAGE, "text/html"),
            };
            if let Some(requested) = requested {
                // An error means that nothing is measured any more.
                let _ = sender.send((requested, now));
            }
            response(content, &[("content-type", kind)])
        })?;
        Ok(Self { server, requests })
    }

    /// The page, which does nothing.
    pub fn page_url(&self) -> String {
        self.server.url()
    }

    /// The page, which installs its worker, and says so on its console.
    pub fn installing_url(&self) -> String {
        format!("{}?install", self.server.url())
    }

    /// Forgets what was asked for until now.
    pub fn forget(&self) {
        while self.requests.try_recv().is_ok() {}
    }

    /// When it is asked for first.
    pub fn wait_for(&self, wanted: Requested) -> Result<Instant> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.requests.recv_timeout(left) {
                Ok((requested, at)) if requested == wanted => return Ok(at),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => bail!("nothing was asked for in {PATIENCE:?}"),
                Err(RecvTimeoutError::Disconnected) => bail!("the pages' server has ended"),
            }
        }
    }
}
