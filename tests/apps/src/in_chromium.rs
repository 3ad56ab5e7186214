//! The story's control: Chromium, in a network namespace whose only interface besides `lo` comes and goes, so that it is
//! offline as it would be anywhere: from its start on, with its own idea of when syncs may fire.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use background_sync_bench_browsers::browser::Process;
use background_sync_bench_browsers::chromium::start_process;
use background_sync_bench_browsers::processes;
use background_sync_bench_browsers::protocol::{Protocol, SessionId};
use background_sync_e2e::{PATIENCE, ip};
use serde_json::{Value, json};

use crate::browser::{Browser, End, Network, Product};

/// How long it may take to end before it is killed.
const CLOSING: Duration = Duration::from_secs(10);
/// The interface.
const INTERFACE: &str = "lan0";

/// It tries a sync when it starts, before it knows that there is no network, and would wait five minutes for the next attempt,
/// and thrice as long for the one after it, which would be the last.
const FAST_RETRIES: [&str; 2] = [
    "--force-fieldtrials=BackgroundSync/G",
    "--force-fieldtrial-params=BackgroundSync.G:initial_retry_delay_sec/1/retry_delay_factor/1/\
     max_sync_attempts/20/max_sync_attempts_with_notification_permission/20/min_recovery_time_sec/1",
];

/// Chromium as it is installed.
pub struct ChromiumProduct {
    /// Its binary.
    pub binary: PathBuf,
}

/// Gives this network namespace an interface with a cable; see [`background_sync_e2e::again_in_namespace`].
///
/// # Panics
/// If this is no namespace of its own.
pub fn plug_in() {
    ip(&format!("link add {INTERFACE} type veth peer name switch0"));
    ip("link set switch0 up");
    ip(&format!("address add 192.0.2.7/24 dev {INTERFACE}"));
    set_link(Network::Online);
}

fn set_link(network: Network) {
    let state = match network {
        Network::Offline => "down",
        Network::Online => "up",
    };
    ip(&format!("link set {INTERFACE} {state}"));
    if network == Network::Online {
        // It went with the interface.
        ip("route replace default via 192.0.2.1");
    }
}

impl Product for ChromiumProduct {
    fn name(&self) -> &'static str {
        "Chromium"
    }

    fn start(&self, profile: &Path, network: Network, url: &str) -> Box<dyn Browser> {
        set_link(network);
        let (process, address) =
            start_process(&self.binary, profile, &FAST_RETRIES).expect("Chromium can be started");
        let mut protocol = Protocol::connect(&address).expect("it has just said its address");
        // Only pages: a worker with a debugger would never be stopped.
        let attach = json!({
            "autoAttach": true, "waitForDebuggerOnStart": false, "flatten": true,
            "filter": [{ "type": "page" }],
        });
        protocol
            .call(None, "Target.setAutoAttach", attach)
            .expect("a command that it knows");
        let page = attached_page(&mut protocol);
        let mut browser = InChromium {
            process,
            protocol,
            page,
            lines: Vec::new(),
        };
        if url != "about:blank" {
            browser.open(url);
        }
        Box::new(browser)
    }
}

struct InChromium {
    process: Process,
    protocol: Protocol,
    page: Page,
    /// Lines of the page's console that nobody has waited for.
    lines: Vec<String>,
}

struct Page {
    id: String,
    session: SessionId,
}

fn attached_page(protocol: &mut Protocol) -> Page {
    let deadline = Instant::now() + PATIENCE;
    let event = protocol
        .event("Target.attachedToTarget", deadline)
        .expect("there is a page");
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let page = Page {
        id: text(&event["params"]["targetInfo"]["targetId"]),
        session: text(&event["params"]["sessionId"]),
    };
    protocol
        .call(Some(&page.session), "Runtime.enable", json!({}))
        .expect("the page is there");
    page
}

impl InChromium {
    fn call(&mut self, method: &str, params: Value) -> Value {
        self.protocol
            .call(Some(&self.page.session), method, params)
            .unwrap_or_else(|error| panic!("{error:#}"))
    }

    /// Waits for a promise.
    fn settle(&mut self, script: &str) {
        let params = json!({ "expression": script, "awaitPromise": true });
        let answer = self.call("Runtime.evaluate", params);
        let exception = &answer["exceptionDetails"];
        assert!(exception.is_null(), "{script:?}: {exception}");
    }
}

impl Browser for InChromium {
    fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({ "url": url }));
    }

    fn reload(&mut self) {
        self.call("Page.reload", json!({}));
    }

    fn close_page(&mut self) {
        // The new one is there before the old one goes: a browser without a window would end.
        let blank = json!({ "url": "about:blank" });
        self.protocol
            .call(None, "Target.createTarget", blank)
            .expect("a page can be opened");
        let next = attached_page(&mut self.protocol);
        let closed = json!({ "targetId": self.page.id });
        self.protocol
            .call(None, "Target.closeTarget", closed)
            .expect("a page can be closed");
        self.page = next;
    }

    fn evaluate(&mut self, script: &str) {
        self.settle(script);
    }

    fn wait_for_line(&mut self, text: &str) {
        if let Some(position) = self.lines.iter().position(|line| line == text) {
            self.lines.remove(position);
            return;
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            let event = self.protocol.event("Runtime.consoleAPICalled", deadline);
            let event = event.unwrap_or_else(|_| {
                panic!("waited for the line {text:?}; unclaimed: {:?}", self.lines)
            });
            match event["params"]["args"][0]["value"].as_str() {
                Some(line) if line == text => return,
                Some(line) => self.lines.push(line.to_owned()),
                None => {}
            }
        }
    }

    fn set_network(&mut self, network: Network) {
        set_link(network);
        let (is_online, event) = match network {
            Network::Offline => (false, "offline"),
            Network::Online => (true, "online"),
        };
        self.settle(&format!(
            "new Promise((resolve) => {{ \
               if (navigator.onLine === {is_online}) resolve(); else addEventListener('{event}', resolve); \
             }})"
        ));
    }

    fn story(&mut self) -> String {
        format!("unclaimed lines: {:?}", self.lines)
    }

    fn end(mut self: Box<Self>, end: End) {
        match end {
            End::Orderly => {
                if self.protocol.send(None, "Browser.close", json!({})).is_ok() {
                    self.protocol.wait_for_end(CLOSING);
                }
            }
            End::Kill => {
                // All at once: some of them store what others tell them.
                let tree = processes::tree(self.process.0.id()).expect("processes can be listed");
                let ids = tree.iter().map(ToString::to_string);
                let _ = Command::new("kill").arg("-KILL").args(ids).status();
            }
        }
        let _ = self.process.0.wait();
    }
}
