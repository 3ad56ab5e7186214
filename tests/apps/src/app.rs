//! The apps.

/// Who sends what was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The service worker, in a `sync` event: no page is needed.
    Worker,
    /// The page, when it is open and there is a network.
    Page,
}

/// One app; its sources are in the folder of its name.
#[derive(Debug)]
pub struct App {
    /// Its name.
    pub name: &'static str,
    /// Who sends.
    pub delivery: Delivery,
    /// A line that its console has, offline too, besides those that all apps write.
    pub line: Option<&'static str>,
    /// In the page, a promise that resolves once nothing is to be sent any more, and it knows that.
    pub settled: &'static str,
}

/// An app whose worker has no sync to wait for has heard the answers of the server.
const SYNCED: &str = "(async () => { \
    const { sync } = await navigator.serviceWorker.ready; \
    while ((await sync.getTags()).length) await new Promise((resolve) => setTimeout(resolve, 20)); \
  })()";

const fn app(name: &'static str) -> App {
    App {
        name,
        delivery: Delivery::Worker,
        line: None,
        settled: SYNCED,
    }
}

/// All of them.
pub const APPS: [App; 10] = [
    app("workbox-plugin"),
    app("workbox-queue"),
    App {
        delivery: Delivery::Page,
        // What the server had when it could be asked.
        line: Some(r#"list ["welcome"]"#),
        settled: "settled()",
        ..app("tanstack")
    },
    app("angular"),
    app("vite-pwa"),
    app("serwist"),
    app("idb"),
    app("dexie"),
    app("localforage"),
    app("emoji"),
];

impl App {
    /// The app of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        APPS.iter().find(|app| app.name == name)
    }
}
