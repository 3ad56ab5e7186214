//! One connection to the control socket. One thread reads requests, another one answers: what a client does not read, and
//! whatever it waits for, holds up nobody but itself.

use std::convert::Infallible;
use std::io::{self, BufRead, BufReader, BufWriter, Cursor, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, select};
use image::{ImageFormat, RgbaImage};
use serde::Serialize;
use serde_json::{Value, json};
use servo::background_sync::{DispatchError, EventOutcome, Reply, SyncApi};

use super::answer::{Answer, Following};
use super::protocol::{Line, MAX_REQUEST_BYTES, Request};
use super::request::RemoteRequest;
use crate::message::{Mailbox, Message};
use crate::sync_report::journal::{JournalRow, outcome_code, tell_outcome};
use crate::sync_report::rows::SyncRow;

/// How long a client may take to read what it is sent.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// How long a client may stay without asking for anything.
const IDLE_LIMIT: Duration = Duration::from_mins(1);

/// Requests that may wait while another one is answered. Who sends more is cut off: a client that ends is noticed only as long as
/// what it sends is read.
const MAX_WAITING_REQUESTS: usize = 16;

/// Serves a client until it hangs up. `place` is kept as long as that takes.
///
/// # Errors
/// If there can be no more threads.
pub fn start(stream: UnixStream, mailbox: Mailbox, place: impl Send + 'static) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE_LIMIT))?;
    stream.set_write_timeout(Some(WRITE_LIMIT))?;
    let input = stream.try_clone()?;
    let (to_answers, lines) = bounded(MAX_WAITING_REQUESTS);
    let (connected, hung_up) = bounded::<Infallible>(0);
    let is_busy = Arc::new(AtomicBool::new(false));
    let answers = Answers {
        output: BufWriter::new(stream),
        hung_up,
        mailbox,
    };
    let busy = is_busy.clone();
    thread::Builder::new()
        .name("ControlAnswers".to_owned())
        .spawn(move || {
            answers.run(&lines, &busy);
            drop(place);
        })?;
    thread::Builder::new()
        .name("ControlRequests".to_owned())
        .spawn(move || {
            read_requests(input, &to_answers, &is_busy);
            drop(connected);
        })?;
    Ok(())
}

/// Sends lines until there are no more: the client has hung up, was idle for too long, or has sent too much at once.
fn read_requests(input: UnixStream, lines: &Sender<Vec<u8>>, is_busy: &AtomicBool) {
    let mut input = BufReader::new(input);
    let mut line = Vec::new();
    loop {
        let left = (MAX_REQUEST_BYTES + 1).saturating_sub(line.len() as u64);
        match (&mut input).take(left).read_until(b'\n', &mut line) {
            // An idle client, or one that waits for its answer.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if !is_busy.load(Ordering::SeqCst) {
                    return;
                }
            }
            Err(_) | Ok(0) => return,
            Ok(_) => {
                let is_too_long = line.len() as u64 > MAX_REQUEST_BYTES;
                if lines.try_send(std::mem::take(&mut line)).is_err() || is_too_long {
                    return;
                }
            }
        }
    }
}

/// Whether there may be another request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Request,
    End,
}

struct Answers {
    output: BufWriter<UnixStream>,
    /// Ends once nothing more can come from the client.
    hung_up: Receiver<Infallible>,
    mailbox: Mailbox,
}

impl Answers {
    fn run(mut self, lines: &Receiver<Vec<u8>>, is_busy: &AtomicBool) {
        for line in lines {
            is_busy.store(true, Ordering::SeqCst);
            // An error: it is gone, or does not read.
            let next = self.answer(&line).unwrap_or(Next::End);
            is_busy.store(false, Ordering::SeqCst);
            if next == Next::End {
                break;
            }
        }
        // Also ends the other thread.
        let _ = self.output.get_ref().shutdown(Shutdown::Both);
    }

    fn answer(&mut self, line: &[u8]) -> io::Result<Next> {
        if line.len() as u64 > MAX_REQUEST_BYTES {
            let reason = format!("a request may have {MAX_REQUEST_BYTES} bytes");
            self.end(&Line::Error(reason))?;
            return Ok(Next::End);
        }
        let request: Request = match serde_json::from_slice(line) {
            Ok(request) => request,
            Err(error) => {
                let reason =
                    format!("the kiosk, version {VERSION}, can't understand the request: {error}");
                self.end(&Line::Error(reason))?;
                return Ok(Next::Request);
            }
        };
        let limit = request.limit();
        let (to_here, answered) = bounded(1);
        self.mailbox.send(Message::Remote(RemoteRequest {
            request,
            answer: to_here,
        }));
        let Some(answer) = self.wait_for(&answered, limit)? else {
            return Ok(Next::End);
        };
        match answer {
            Answer::Done(value) => self.end(&Line::Ok(value))?,
            Answer::Refused(reason) => self.end(&Line::Error(reason))?,
            Answer::Syncs(list) => self.list(list.iter().map(SyncRow::of_running))?,
            Answer::Why(rows) => self.list(rows.iter())?,
            Answer::Journal(entries) => self.list(entries.iter().map(JournalRow::new))?,
            Answer::FollowedJournal(entries, following) => {
                for entry in &entries {
                    self.item(&JournalRow::new(entry))?;
                }
                self.output.flush()?;
                self.follow(&following)?;
                return Ok(Next::End);
            }
            Answer::Dispatched(api, reply) => return self.tell_outcome(api, &reply, limit),
            Answer::Picture(picture) => return self.send_picture(&picture, limit),
        }
        Ok(Next::Request)
    }

    /// `None`: the client has been told that there is no answer, or has gone.
    fn wait_for<T>(&mut self, answered: &Receiver<T>, limit: Duration) -> io::Result<Option<T>> {
        let reason = select! {
            recv(answered) -> answer => match answer {
                Ok(answer) => return Ok(Some(answer)),
                Err(_) => "the kiosk ends".to_owned(),
            },
            recv(self.hung_up) -> _ => return Ok(None),
            default(limit) => format!("the kiosk has not done it in {} s", limit.as_secs()),
        };
        self.end(&Line::Error(reason))?;
        Ok(None)
    }

    fn follow(&mut self, following: &Following) -> io::Result<()> {
        loop {
            select! {
                recv(following.entries) -> entry => match entry {
                    Ok(entry) => {
                        self.item(&JournalRow::new(&entry))?;
                        self.output.flush()?;
                    }
                    Err(_) => {
                        return self.end(&Line::Error(
                            "the kiosk ends, or this reader of its journal was too slow".to_owned(),
                        ));
                    }
                },
                recv(self.hung_up) -> _ => return Ok(()),
            }
        }
    }

    fn tell_outcome(
        &mut self,
        api: SyncApi,
        reply: &Reply<Result<EventOutcome, DispatchError>>,
        limit: Duration,
    ) -> io::Result<Next> {
        let Some(result) = self.wait_for(reply.receiver(), limit)? else {
            return Ok(Next::End);
        };
        let line = match result {
            Ok(outcome) => Line::Ok(json!({
                "outcome": outcome_code(outcome),
                "sentence": format!("It was {}.", tell_outcome(api, outcome)),
            })),
            Err(error) => Line::Error(match error {
                DispatchError::NotRegistered => "it has been removed meanwhile".to_owned(),
                DispatchError::NotNow => "it can't be sent right now, and goes on waiting: its app may not be installed completely, or the storage has failed".to_owned(),
                DispatchError::ShuttingDown => "the kiosk ends".to_owned(),
            }),
        };
        self.end(&line)?;
        Ok(Next::Request)
    }

    fn send_picture(
        &mut self,
        picture: &Receiver<Result<RgbaImage, String>>,
        limit: Duration,
    ) -> io::Result<Next> {
        let Some(picture) = self.wait_for(picture, limit)? else {
            return Ok(Next::End);
        };
        let png = picture.and_then(|picture| {
            let mut png = Cursor::new(Vec::new());
            let written = picture.write_to(&mut png, ImageFormat::Png);
            written
                .map(|()| png.into_inner())
                .map_err(|error| error.to_string())
        });
        match png {
            Ok(png) => {
                self.end(&Line::Ok(json!({"png_bytes": png.len()})))?;
                self.output.write_all(&png)?;
                self.output.flush()?;
            }
            Err(reason) => self.end(&Line::Error(reason))?,
        }
        Ok(Next::Request)
    }

    fn list<T: Serialize>(&mut self, rows: impl ExactSizeIterator<Item = T>) -> io::Result<()> {
        let count = rows.len();
        for row in rows {
            self.item(&row)?;
        }
        self.end(&Line::Ok(count.into()))
    }

    fn item(&mut self, row: &impl Serialize) -> io::Result<()> {
        let value = serde_json::to_value(row).unwrap_or(Value::Null);
        self.write(&Line::Item(value))
    }

    fn end(&mut self, line: &Line) -> io::Result<()> {
        self.write(line)?;
        self.output.flush()
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        serde_json::to_writer(&mut self.output, line)?;
        self.output.write_all(b"\n")
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Tells a client why it is not served, if it can be told at once.
pub fn refuse(mut stream: UnixStream, reason: &str) {
    let line = json!(Line::Error(reason.to_owned()));
    // Whoever does not read it has been refused all the same.
    let _ = stream
        .set_nonblocking(true)
        .and_then(|()| stream.write_all(format!("{line}\n").as_bytes()));
}
