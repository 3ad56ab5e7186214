//! Sends spans to a collector, by OTLP in JSON over HTTP. <https://opentelemetry.io/docs/specs/otlp/#otlphttp>
//!
//! Not by the crates of OpenTelemetry: their features would have most of Servo compiled once more, for one kind of span.

use std::collections::VecDeque;
use std::io;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use serde_json::{Value, json};

use super::trace_settings::TraceSettings;

/// Spans on their way to the thread that sends them. What is beyond is dropped.
const MAX_SPANS_ON_THEIR_WAY: usize = 1_024;

/// Spans that wait for the collector. The oldest are dropped.
const MAX_SPANS_WAITING: usize = 4_096;

/// Spans in one request.
const MAX_SPANS_AT_ONCE: usize = 256;

/// What a request may take.
const REQUEST_PATIENCE: Duration = Duration::from_secs(5);

/// How long other spans are waited for, to be sent together.
const GATHERING: Duration = Duration::from_millis(500);

/// After so long a collector that could not be reached is tried again.
const RETRY: Duration = Duration::from_secs(30);

/// What is told of an attempt.
#[derive(Clone, Debug)]
pub struct Span {
    /// Shared by all attempts of one registration.
    pub trace: TraceId,
    /// Which API.
    pub api: &'static str,
    /// Number of the attempt, from 1 on.
    pub attempt: u32,
    /// Whether it is the last one.
    pub is_last_chance: bool,
    /// How it ended.
    pub outcome: &'static str,
    /// Whether that is a success.
    pub status: SpanStatus,
    /// What comes now.
    pub next: &'static str,
    /// When it began.
    pub start: SystemTime,
    /// When it ended.
    pub end: SystemTime,
}

/// `Status.StatusCode`, by its numbers there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanStatus {
    /// Neither: the event has not reached its worker.
    Unset = 0,
    /// It was delivered.
    Ok = 1,
    /// It was not.
    Error = 2,
}

/// The name of a trace: random, never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(u128);

impl TraceId {
    /// A new one.
    pub fn random() -> Self {
        Self(fastrand::u128(1..))
    }
}

/// Sends spans on a thread of its own. Nothing waits for the collector.
pub struct Exporter {
    spans: Sender<Span>,
    ended: Receiver<()>,
}

impl Exporter {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system has no thread left.
    pub fn start(settings: &TraceSettings) -> io::Result<Self> {
        let (spans, receiver) = bounded(MAX_SPANS_ON_THEIR_WAY);
        let (end, ended) = bounded(1);
        let sending = Sending {
            agent: agent(),
            endpoint: settings.endpoint.as_str().to_owned(),
            resource: resource(settings.instance.as_deref()),
            waiting: VecDeque::new(),
        };
        thread::Builder::new()
            .name("Traces".to_owned())
            .spawn(move || {
                sending.run(&receiver);
                // Nobody may wait for it.
                let _ = end.send(());
            })?;
        Ok(Self { spans, ended })
    }

    /// Has a span sent, if there is room.
    pub fn export(&self, span: Span) {
        let _ = self.spans.try_send(span);
    }

    /// Waits so long for the collector to take what is left.
    pub fn finish(self, patience: Duration) {
        drop(self.spans);
        let _ = self.ended.recv_timeout(patience);
    }
}

struct Sending {
    agent: ureq::Agent,
    endpoint: String,
    resource: Value,
    waiting: VecDeque<Span>,
}

impl Sending {
    fn run(mut self, spans: &Receiver<Span>) {
        let mut next_try = Instant::now();
        loop {
            let has_ended = match self.waiting.is_empty() {
                true => match spans.recv() {
                    Ok(span) => {
                        self.keep(span);
                        self.gather(spans, Instant::now() + GATHERING)
                    }
                    Err(_) => return,
                },
                false => self.gather(spans, next_try),
            };
            let is_sent = self.send_all();
            if has_ended {
                return;
            }
            if !is_sent {
                next_try = Instant::now() + RETRY;
            }
        }
    }

    /// Takes what comes until then; returns whether nothing comes any more.
    fn gather(&mut self, spans: &Receiver<Span>, until: Instant) -> bool {
        loop {
            match spans.recv_deadline(until) {
                Ok(span) => self.keep(span),
                Err(RecvTimeoutError::Timeout) => return false,
                Err(RecvTimeoutError::Disconnected) => return true,
            }
        }
    }

    fn keep(&mut self, span: Span) {
        if self.waiting.len() >= MAX_SPANS_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(span);
    }

    /// Returns whether the collector has them all.
    fn send_all(&mut self) -> bool {
        while !self.waiting.is_empty() {
            let count = self.waiting.len().min(MAX_SPANS_AT_ONCE);
            let spans: Vec<_> = self.waiting.range(..count).map(span_to_json).collect();
            let body = request(&self.resource, spans).to_string();
            if !self.is_settled(&body) {
                return false;
            }
            self.waiting.drain(..count);
        }
        true
    }

    /// Whether the collector has taken it, or will never.
    fn is_settled(&self, body: &str) -> bool {
        let request = self.agent.post(&self.endpoint);
        let answer = request
            .header("content-type", "application/json")
            .send(body);
        // What the specification has sent again: these, and what got no answer.
        answer.is_ok_and(|answer| !matches!(answer.status().as_u16(), 429 | 502..=504))
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .timeout_global(Some(REQUEST_PATIENCE))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into()
}

fn resource(instance: Option<&str>) -> Value {
    let mut attributes = vec![
        text("service.name", "kiosk"),
        text("service.version", env!("CARGO_PKG_VERSION")),
    ];
    attributes.extend(instance.map(|instance| text("service.instance.id", instance)));
    json!({"attributes": attributes})
}

fn request(resource: &Value, spans: Vec<Value>) -> Value {
    let scope = json!({"name": "kiosk", "version": env!("CARGO_PKG_VERSION")});
    json!({"resourceSpans": [
        {"resource": resource, "scopeSpans": [{"scope": scope, "spans": spans}]},
    ]})
}

fn span_to_json(span: &Span) -> Value {
    /// `SPAN_KIND_INTERNAL`.
    const INTERNAL: u8 = 1;
    json!({
        "traceId": format!("{:032x}", span.trace.0),
        "spanId": format!("{:016x}", fastrand::u64(1..)),
        "name": format!("sync attempt ({})", span.api),
        "kind": INTERNAL,
        "startTimeUnixNano": nanoseconds(span.start),
        "endTimeUnixNano": nanoseconds(span.end),
        "attributes": [
            text("kiosk.sync.api", span.api),
            {"key": "kiosk.sync.attempt", "value": {"intValue": span.attempt.to_string()}},
            {"key": "kiosk.sync.last_chance", "value": {"boolValue": span.is_last_chance}},
            text("kiosk.sync.outcome", span.outcome),
            text("kiosk.sync.next", span.next),
        ],
        "status": {"code": span.status as u8},
    })
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// As JSON has numbers of 64 bits: as text.
fn nanoseconds(time: SystemTime) -> String {
    let since_1970 = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since_1970.as_nanos().to_string()
}
