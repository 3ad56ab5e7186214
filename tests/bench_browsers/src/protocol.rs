//! The DevTools protocol, as far as it is needed here: calls, their answers, events.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::browser::PATIENCE;

/// What a target (a page, a worker) is called once the protocol is attached to it.
pub type SessionId = String;

/// Events that somebody may ask for; others would pile up.
const KEPT: [&str; 2] = ["Runtime.consoleAPICalled", "Target.attachedToTarget"];

/// A connection to a browser.
pub struct Protocol {
    socket: WebSocket<TcpStream>,
    last_id: u64,
    /// Events that nobody has asked for yet.
    events: VecDeque<Value>,
}

impl Protocol {
    /// Connects to the address that the browser has printed.
    pub fn connect(url: &str) -> Result<Self> {
        let host = url
            .strip_prefix("ws://")
            .and_then(|rest| rest.split('/').next())
            .with_context(|| format!("`{url}` is no address of a browser"))?;
        let stream = TcpStream::connect(host).context("cannot connect to the browser")?;
        // Commands are small, and their time is measured.
        stream.set_nodelay(true)?;
        let (socket, _) = tungstenite::client(url, stream)
            .map_err(|error| anyhow!("the browser refuses the DevTools protocol: {error}"))?;
        Ok(Self {
            socket,
            last_id: 0,
            events: VecDeque::new(),
        })
    }

    /// Gives a command and returns its number; its answer is not waited for.
    pub fn send(
        &mut self,
        session: Option<&SessionId>,
        method: &str,
        params: Value,
    ) -> Result<u64> {
        self.last_id += 1;
        let mut command = json!({ "id": self.last_id, "method": method, "params": params });
        if let Some(session) = session {
            command["sessionId"] = json!(session);
        }
        self.socket
            .send(Message::text(command.to_string()))
            .with_context(|| format!("cannot send {method}"))?;
        Ok(self.last_id)
    }

    /// Waits for the answer of a command.
    pub fn answer(&mut self, id: u64) -> Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut message = self.receive(deadline)?;
            if message["id"] == id {
                if let Some(error) = message["error"]["message"].as_str() {
                    bail!("the browser says: {error}");
                }
                return Ok(message["result"].take());
            }
            self.keep(message);
        }
    }

    /// Gives a command and waits for its answer.
    pub fn call(
        &mut self,
        session: Option<&SessionId>,
        method: &str,
        params: Value,
    ) -> Result<Value> {
        let id = self.send(session, method, params)?;
        self.answer(id).with_context(|| method.to_owned())
    }

    /// The next event that has this method. Others are kept.
    pub fn event(&mut self, method: &str, deadline: Instant) -> Result<Value> {
        loop {
            let position = self
                .events
                .iter()
                .position(|event| event["method"] == method);
            if let Some(event) = position.and_then(|position| self.events.remove(position)) {
                return Ok(event);
            }
            let message = self.receive(deadline)?;
            self.keep(message);
        }
    }

    /// Waits until the browser has closed the connection.
    pub fn wait_for_end(&mut self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while self.receive(deadline).is_ok() {}
    }

    /// Keeps an event that somebody may ask for.
    fn keep(&mut self, message: Value) {
        // Answers that nobody waits for are dropped.
        if message["method"]
            .as_str()
            .is_some_and(|method| KEPT.contains(&method))
        {
            self.events.push_back(message);
        }
    }

    fn receive(&mut self, deadline: Instant) -> Result<Value> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // Zero would mean no limit.
            let left = left.max(Duration::from_millis(1));
            self.socket.get_ref().set_read_timeout(Some(left))?;
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    return serde_json::from_str(&text).context("a message that is no JSON");
                }
                Ok(_) => {}
                Err(tungstenite::Error::Io(error))
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    bail!("the browser says nothing more");
                }
                Err(error) => return Err(error).context("the browser is gone"),
            }
        }
    }
}
