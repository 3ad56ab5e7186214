//! The app whose device loses its power: it has a login, an outbox that its worker sends, and one that its page sends.

use std::collections::{BTreeSet, HashSet};

use serde_json::json;

use crate::{INDEXED_DB, Kiosk, Site};

/// The tag by which the worker sends what is in IndexedDB.
pub const WORKER_TAG: &str = "outbox";
/// Where the worker sends it to.
pub const WORKER_PATH: &str = "/outbox";
/// Where the page sends what is in `localStorage`.
pub const PAGE_PATH: &str = "/page-outbox";

const APP: &str = r"
  async function logIn(session) {
    await fetch(`/login/${session}`);
    console.log(`logged-in ${session}`);
  }
  async function send(messages) {
    for (const message of messages) {
      await inOutbox('readwrite', (store) => store.put(message, message));
      console.log(`stored ${message}`);
      console.log(`registering ${message}`);
      await registration.sync.register('outbox');
      console.log(`registered ${message}`);
      localStorage.setItem(message, 'waits');
      console.log(`kept ${message}`);
      await registration.sync.register('page-outbox');
      console.log(`page-registered ${message}`);
    }
  }
  async function waiting() {
    return [await inOutbox('readonly', (store) => store.getAllKeys()), Object.keys(localStorage)];
  }
  // What an app does when it is opened: whatever waits is sent, or asked to be.
  async function drain() {
    for (const message of Object.keys(localStorage)) {
      const body = JSON.stringify(message);
      await fetch('/page-outbox', { method: 'POST', credentials: 'include', body });
      localStorage.removeItem(message);
    }
    if (await inOutbox('readonly', (store) => store.count()) > 0) await registration.sync.register('outbox');
  }
";

/// The events of `page-outbox` have nothing to do but to succeed: a worker does not see `localStorage`.
const WORKER: &str = r"
  async function sendOutbox() {
    for (const message of await inOutbox('readonly', (store) => store.getAllKeys())) {
      const body = JSON.stringify(message);
      const answer = await fetch('/outbox', { method: 'POST', credentials: 'include', body });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      await inOutbox('readwrite', (store) => store.delete(message));
    }
  }
  self.addEventListener('sync', (event) => {
    if (event.tag === 'outbox') event.waitUntil(sendOutbox().catch((error) => {
      console.log(`the worker failed: ${error.name}: ${error.message}`);
      throw error;
    }));
  });
";

/// What the page finds waiting when it is opened.
#[derive(Debug, Default)]
pub struct Waiting {
    /// In IndexedDB, for the worker.
    pub stored: BTreeSet<String>,
    /// In `localStorage`, for the page.
    pub kept: BTreeSet<String>,
}

impl Waiting {
    /// Whether nothing does.
    pub fn is_empty(&self) -> bool {
        self.stored.is_empty() && self.kept.is_empty()
    }
}

/// The app's server.
pub struct App {
    site: Site,
}

impl App {
    /// Starts it.
    pub fn start() -> Self {
        let site = Site::new(&format!("{INDEXED_DB}{WORKER}"));
        site.add_to_page(&format!("{INDEXED_DB}{APP}"));
        Self { site }
    }

    /// The address of its page.
    pub fn url(&self) -> String {
        self.site.server.url("/")
    }

    /// Opens its page in a kiosk that runs.
    pub fn open_in(&self, kiosk: &mut Kiosk) {
        kiosk.command(&format!("open {}", self.url()));
        kiosk.wait_for_console("page ready");
    }

    /// Logs in; from then on the page is known by this session.
    pub fn log_in(&self, kiosk: &mut Kiosk, session: u32) {
        let cookie = format!("session={session}; Max-Age=86400; HttpOnly; Path=/");
        self.site
            .server
            .serve_with(&format!("/login/{session}"), &[("Set-Cookie", &cookie)], "");
        kiosk.evaluate(&format!("logIn({session}), 0"));
    }

    /// Has the page send messages, one after the other, in both ways.
    pub fn send(&self, kiosk: &mut Kiosk, messages: &[String]) {
        kiosk.evaluate(&format!("send({messages:?}), 0"));
    }

    /// Waits until the worker's request with this message arrives.
    pub fn wait_for_request(&self, message: &str) {
        self.site.server.wait_for_post(WORKER_PATH, &json!(message));
    }

    /// The messages that have arrived at this path.
    pub fn arrived(&self, path: &str) -> BTreeSet<String> {
        let posts = self.site.server.received();
        posts
            .iter()
            .filter(|post| post.path == path)
            .filter_map(|post| post.body.as_str().map(str::to_owned))
            .collect()
    }

    /// How many requests have brought a message that had arrived already.
    pub fn repeated(&self) -> usize {
        let posts = self.site.server.received();
        let different: HashSet<_> = posts
            .iter()
            .map(|post| (&post.path, post.body.to_string()))
            .collect();
        posts.len() - different.len()
    }

    /// Marks the requests that have come so far.
    pub fn mark(&self) -> Mark {
        Mark {
            posts: self.site.server.received_count(),
            pages: self.site.server.asked_for("/").len(),
        }
    }

    /// The cookies of each request after the mark, the page's own and what was posted.
    pub fn cookies_since(&self, mark: &Mark) -> Vec<String> {
        let pages = self.site.server.asked_for("/");
        let pages = pages[mark.pages..].iter().map(|asked| &asked.headers);
        let posts = self.site.server.received();
        let posts = posts[mark.posts..].iter().map(|post| &post.headers);
        let cookies = pages.chain(posts).map(|headers| headers.get("cookie"));
        cookies
            .map(|cookie| cookie.cloned().unwrap_or_default())
            .collect()
    }
}

/// A moment, by the requests that had come.
pub struct Mark {
    posts: usize,
    pages: usize,
}

/// Asks the page what waits.
///
/// # Errors
/// The name of the exception by which it can't tell.
pub fn ask_what_waits(kiosk: &mut Kiosk) -> Result<Waiting, String> {
    let lists = kiosk.settle("await waiting()")?;
    let list = |index: usize| -> BTreeSet<String> {
        let items = lists[index].as_array().into_iter().flatten();
        items
            .filter_map(|it| it.as_str().map(str::to_owned))
            .collect()
    };
    Ok(Waiting {
        stored: list(0),
        kept: list(1),
    })
}

/// Waits until no registration is left, be it that it succeeded or that it was given up.
pub fn wait_for_all_syncs(kiosk: &mut Kiosk) {
    loop {
        let number = kiosk.command("syncs");
        let answer = kiosk.wait_for("the list of syncs", |event| event["command"] == number);
        if answer["registrations"] == json!([]) {
            return;
        }
        kiosk.wait_for_sync("finished");
    }
}
