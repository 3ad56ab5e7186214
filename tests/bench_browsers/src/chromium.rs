//! Chromium, driven by the DevTools protocol.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::browser::{Browser, Network, PATIENCE, Process, start_page};
use crate::protocol::{Protocol, SessionId};

/// What it prints the address of its protocol after.
const LISTENING: &str = "DevTools listening on ";

/// How long it may take to end before it is killed.
const CLOSING: Duration = Duration::from_secs(10);

/// A running Chromium.
pub struct Chromium {
    process: Process,
    protocol: Protocol,
    page: Target,
    worker: Target,
}

/// A page or a worker that the protocol is attached to.
struct Target {
    id: String,
    session: SessionId,
}

impl Chromium {
    /// Starts it with a new profile in this folder, and opens the page.
    pub fn start(binary: &Path, folder: &Path, url: &str) -> Result<Self> {
        let (process, address) = start_process(binary, folder, &[])?;
        let mut protocol = Protocol::connect(&address)?;
        let attach = json!({
            "autoAttach": true, "waitForDebuggerOnStart": false, "flatten": true
        });
        protocol.call(None, "Target.setAutoAttach", attach)?;
        let page = open_page(&mut protocol, url)?;
        // A page alone has no worker yet; until it has, nobody speaks to it.
        let worker = Target {
            id: String::new(),
            session: SessionId::new(),
        };
        let mut chromium = Self {
            process,
            protocol,
            page,
            worker,
        };
        start_page(&mut chromium)?;
        chromium.worker = attached(&mut chromium.protocol, "service_worker")?;
        Ok(chromium)
    }
}

/// What starts its processes with the profile in this folder. A page is still to be given.
pub fn command(binary: &Path, folder: &Path) -> Command {
    let mut command = Command::new(binary);
    command
        .args(["--headless=new", "--no-sandbox", "--no-first-run"])
        // What it does by itself would be measured, too.
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-extensions",
        ])
        .arg(format!("--user-data-dir={}", folder.display()));
    command
}

/// Starts its processes with the profile in this folder and a blank page; returns the address of its DevTools protocol, too.
pub fn start_process(binary: &Path, folder: &Path, flags: &[&str]) -> Result<(Process, String)> {
    let mut process = command(binary, folder)
        .args(flags)
        .arg("--remote-debugging-port=0")
        .arg("about:blank")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))?;
    let stderr = process.stderr.take().expect("piped above");
    let process = Process(process);
    let (sender, addresses) = mpsc::channel();
    thread::spawn(move || {
        // All lines are read, or Chromium would wait for that.
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if let Some(address) = line.strip_prefix(LISTENING) {
                let _ = sender.send(address.to_owned());
            }
        }
    });
    let address = addresses
        .recv_timeout(PATIENCE)
        .context("Chromium ended, or did not say where its DevTools protocol is")?;
    Ok((process, address))
}

/// Loads this page into a blank one that the protocol attaches to.
fn open_page(protocol: &mut Protocol, url: &str) -> Result<Target> {
    let page = attached(protocol, "page")?;
    protocol.call(Some(&page.session), "Runtime.enable", json!({}))?;
    let url = json!({ "url": url });
    protocol.call(Some(&page.session), "Page.navigate", url)?;
    Ok(page)
}

/// The first target of this type that the protocol attaches to.
fn attached(protocol: &mut Protocol, kind: &str) -> Result<Target> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let event = protocol.event("Target.attachedToTarget", deadline)?;
        let params = &event["params"];
        if params["targetInfo"]["type"] == kind {
            let name = |value: &Value| value.as_str().map(str::to_owned);
            let id = name(&params["targetInfo"]["targetId"]).context("a target without an id")?;
            let session = name(&params["sessionId"]).context("a target without a session")?;
            return Ok(Target { id, session });
        }
    }
}

impl Browser for Chromium {
    fn process_id(&self) -> u32 {
        self.process.0.id()
    }

    fn evaluate(&mut self, script: &str) -> Result<()> {
        let params = json!({ "expression": script });
        // The answer is not waited for: an error in the script shows in the missing report.
        self.protocol
            .send(Some(&self.page.session), "Runtime.evaluate", params)
            .map(drop)
    }

    fn next_console_line(&mut self, deadline: Instant) -> Result<String> {
        loop {
            let event = self.protocol.event("Runtime.consoleAPICalled", deadline)?;
            let first = &event["params"]["args"][0]["value"];
            if event["sessionId"] == self.page.session.as_str()
                && let Some(text) = first.as_str()
            {
                return Ok(text.to_owned());
            }
        }
    }

    fn reload(&mut self) -> Result<()> {
        self.protocol
            .call(Some(&self.page.session), "Page.reload", json!({}))?;
        start_page(self)
    }

    fn reopen(&mut self, url: &str) -> Result<()> {
        // The new one is there before the old one goes: a browser without a window would end.
        let blank = json!({ "url": "about:blank" });
        self.protocol.call(None, "Target.createTarget", blank)?;
        let closed = json!({ "targetId": self.page.id });
        self.protocol.call(None, "Target.closeTarget", closed)?;
        self.page = open_page(&mut self.protocol, url)?;
        start_page(self)
    }

    fn set_network(&mut self, network: Network) -> Result<Instant> {
        let params = json!({
            "offline": network == Network::Offline,
            "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        // Not before it is needed: with it, the browser tells of each request with its body.
        for session in [&self.page.session, &self.worker.session] {
            self.protocol
                .call(Some(session), "Network.enable", json!({}))?;
        }
        let method = "Network.emulateNetworkConditions";
        self.protocol
            .call(Some(&self.page.session), method, params.clone())?;
        // This one holds the syncs back and lets them go.
        let given = Instant::now();
        self.protocol
            .call(Some(&self.worker.session), method, params)?;
        Ok(given)
    }

    fn collect_garbage(&mut self) -> Result<()> {
        // Its caches of what the start has left would hide what the registrations take. Together with the worker's
        // garbage this frees more than can be freed in the kiosk.
        let pressure = json!({ "level": "critical" });
        self.protocol.call(
            Some(&self.page.session),
            "Memory.simulatePressureNotification",
            pressure,
        )?;
        for session in [&self.page.session, &self.worker.session] {
            self.protocol
                .call(Some(session), "HeapProfiler.collectGarbage", json!({}))?;
        }
        Ok(())
    }

    fn kill(mut self: Box<Self>) {
        let _ = self.process.0.kill();
        // Those that it has started end after it.
        self.protocol.wait_for_end(CLOSING);
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // If it is killed instead, its processes may still write to the profile when that is deleted.
        if self.protocol.send(None, "Browser.close", json!({})).is_ok() {
            self.protocol.wait_for_end(CLOSING);
        }
    }
}
