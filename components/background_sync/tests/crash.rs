//! A real process, killed with SIGKILL at random moments, again and again on one profile: nothing
//! that was resolved is lost, and nothing that was finished comes back more often than at-least-once
//! allows. `CRASH_ROUNDS` changes the number of rounds, `CRASH_SEED` the moments.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use background_sync::traits::{
    CallId, ClientGone, ConnectionId, SyncEventKind, SyncReply, SyncRequest, SyncResponse,
};
use background_sync::*;
use crossbeam_channel::{Sender, unbounded};

const ROUNDS: u64 = 300;

/// A process that says nothing for so long hangs.
const LIMIT: Duration = Duration::from_secs(20);

/// Names the profile folder to the process that is killed.
const CHILD: &str = "BACKGROUND_SYNC_CRASH_CHILD";

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

struct Client(Sender<SyncReply>);

impl SyncClient for Client {
    fn deliver(&self, reply: SyncReply) -> Result<(), ClientGone> {
        self.0.send(reply).map_err(|_| ClientGone)
    }
}

type Message = SyncManagerMessage<Client>;

/// Answers everything, and hands events to the worker.
struct TestEngine(Sender<DispatchedEvent>);

impl Engine for TestEngine {
    fn query_client_state(&self, _: &ScopeKey, responder: ClientStateResponder) {
        responder.answer(ClientState {
            open_window: true,
            permission: Permission::Granted,
            periodic_permission: Permission::Denied,
        });
    }

    fn dispatch(&self, event: DispatchedEvent) {
        let _ = self.0.send(event);
    }

    fn terminate(&self, _: EventToken, _: &ScopeKey) {}
}

/// The process that is killed: registers tags without end; of its events every third fails.
#[test]
fn child() {
    let Ok(folder) = std::env::var(CHILD) else {
        return;
    };
    let policy = Policy {
        first_retry_delay_ms: 5,
        max_attempts: None,
        ..Policy::standard()
    };
    let config = Config::new().policy(policy).directory(folder);
    let (messages, messages_in) = unbounded::<Result<Message, String>>();
    let (events_out, events) = unbounded();
    let engine = Box::new(TestEngine(events_out));
    let _thread = SyncManager::spawn(config, messages_in, engine, Box::new(Silent)).unwrap();
    // The test's own output has begun a line.
    say("");
    let worker = messages.clone();
    std::thread::spawn(move || {
        for (number, event) in events.into_iter().enumerate() {
            let SyncEventKind::Sync { tag, .. } = event.kind else {
                return;
            };
            let outcome = match number % 3 {
                2 => EventOutcome::Rejected,
                _ => EventOutcome::Fulfilled,
            };
            say(&format!("fired {tag}"));
            if outcome == EventOutcome::Fulfilled {
                say(&format!("finished {tag}"));
            }
            let event = event.event;
            let _ = worker.send(Ok(Message::EventFinished { event, outcome }));
        }
    });
    let (client, replies) = unbounded();
    let connection = ConnectionId::new();
    let scope = ScopeKey {
        origin: "https://a.example".try_into().unwrap(),
        scope: "https://a.example/".try_into().unwrap(),
    };
    let client = Client(client);
    messages
        .send(Ok(Message::Connect {
            connection,
            scope,
            client,
        }))
        .unwrap();
    let process = std::process::id();
    for number in 0.. {
        // A few at once, so that commits have several in them.
        let tags: Vec<_> = (0..3)
            .map(|part| format!("{process}-{number}-{part}"))
            .collect();
        for (part, tag) in (0..).zip(&tags) {
            let tag = Tag::try_from(tag.as_str());
            let request = SyncRequest::Register {
                tag,
                active_worker: true,
            };
            let call = CallId(number * 3 + part);
            messages
                .send(Ok(Message::Request {
                    connection,
                    call,
                    request,
                }))
                .unwrap();
        }
        for _ in &tags {
            let reply = replies.recv().unwrap();
            if reply.response == SyncResponse::Registered(Ok(())) {
                say(&format!(
                    "resolved {}",
                    tags[usize::try_from(reply.call.0 % 3).unwrap()]
                ));
            }
            messages
                .send(Ok(Message::Acknowledge {
                    connection,
                    call: reply.call,
                }))
                .unwrap();
        }
    }
}

/// What the parent knows.
#[derive(Default)]
struct Known {
    /// Resolved, and not known to be finished.
    open: BTreeSet<String>,
    /// Finished in this round.
    finished: BTreeSet<String>,
    /// Finished, and not there any more.
    gone: BTreeSet<String>,
    resolved: u64,
    came_back: u64,
}

fn round(folder: &Path, known: &mut Known, lines_to_live: u64, micros_to_live: u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (lines_out, lines) = unbounded();
    let reader = std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            let _ = lines_out.send(line);
        }
    });
    let handle = |line: &str, known: &mut Known| {
        let Some((word, rest)) = line.split_once(' ') else {
            return;
        };
        match word {
            "resolved" => {
                known.resolved += 1;
                // It may have fired and finished before this line.
                if !known.finished.contains(rest) {
                    known.open.insert(rest.to_owned());
                }
            }
            "finished" => {
                known.open.remove(rest);
                known.finished.insert(rest.to_owned());
            }
            _ => {}
        }
    };
    for _ in 0..lines_to_live {
        let line = lines.recv_timeout(LIMIT).expect("the process must go on");
        handle(&line, known);
    }
    let moment = Instant::now() + Duration::from_micros(micros_to_live);
    while Instant::now() < moment {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap();
    for line in lines.try_iter() {
        handle(&line, known);
    }
}

/// Starts a process once more and compares what it holds with what must be there.
fn check(folder: &Path, known: &mut Known) {
    let (_, messages_in) = unbounded::<Result<Message, String>>();
    let (events, _keep) = unbounded();
    let config = Config::new()
        .directory(folder)
        .connectivity(Connectivity::Offline);
    let engine = Box::new(TestEngine(events));
    let thread = SyncManager::spawn(config, messages_in, engine, Box::new(Silent)).unwrap();
    let listed = thread.control().list().wait().unwrap();
    let held: BTreeSet<_> = listed.iter().map(|entry| entry.tag.to_string()).collect();
    assert_eq!(held.len(), listed.len(), "a tag is there twice");
    let lost: Vec<_> = known.open.difference(&held).collect();
    assert!(lost.is_empty(), "resolved, and lost: {lost:?}");
    let undead: Vec<_> = known.gone.intersection(&held).collect();
    assert!(
        undead.is_empty(),
        "finished and removed, and back: {undead:?}"
    );
    for tag in std::mem::take(&mut known.finished) {
        if held.contains(&tag) {
            // Its removal was not committed when the process died: it fires once more.
            known.came_back += 1;
            known.open.insert(tag);
        } else {
            known.gone.insert(tag);
        }
    }
    thread.shutdown();
}

#[test]
fn nothing_resolved_is_lost_when_the_process_is_killed() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let mut dice: u64 = number("CRASH_SEED").unwrap_or(1);
    let mut roll = |below: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (dice >> 33) % below
    };
    let folder = tempfile::tempdir().unwrap();
    let mut known = Known::default();
    for _ in 0..number("CRASH_ROUNDS").unwrap_or(ROUNDS) {
        let (lines, micros) = (6 + roll(60), roll(3_000));
        round(folder.path(), &mut known, lines, micros);
        check(folder.path(), &mut known);
    }
    assert!(known.resolved > 100, "{}", known.resolved);
    println!(
        "{} resolved, none lost; {} fired again",
        known.resolved, known.came_back
    );
}
