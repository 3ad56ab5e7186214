//! A real process, killed with SIGKILL at random moments, again and again on one profile: nothing
//! that was resolved is lost, and nothing that was finished comes back more often than at-least-once
//! allows. `CRASH_ROUNDS` changes the number of rounds, `CRASH_SEED` the moments.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod child;

use child::{PERIODIC, periodic};

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use background_sync::traits::{
    CallId, ClientGone, ConnectionId, SyncReply, SyncRequest, SyncResponse,
};
use background_sync::*;
use crossbeam_channel::{Receiver, Sender, unbounded};

const ROUNDS: u64 = 300;

/// A process that says nothing for so long hangs.
const LIMIT: Duration = Duration::from_secs(20);

/// Names the profile folder to the process that is killed.
const CHILD: &str = "BACKGROUND_SYNC_CRASH_CHILD";

/// What a resolved promise survives in that process, and what it does.
const CHILD_IS_RELAXED: &str = "BACKGROUND_SYNC_CRASH_RELAXED";

/// Kills while the setting is relaxed.
const RELAXED_ROUNDS: u64 = 60;

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
            periodic_permission: Permission::Granted,
        });
    }

    fn dispatch(&self, event: DispatchedEvent) {
        let _ = self.0.send(event);
    }

    fn terminate(&self, _: EventToken, _: &ScopeKey) {}
}

fn scope_of(origin: &str) -> ScopeKey {
    ScopeKey {
        origin: origin.try_into().unwrap(),
        scope: format!("{origin}/").as_str().try_into().unwrap(),
    }
}

/// A page of the process that is killed.
struct Page {
    messages: Sender<Result<Message, String>>,
    replies: Receiver<SyncReply>,
    connection: ConnectionId,
    next_call: u64,
}

impl Page {
    fn open(messages: &Sender<Result<Message, String>>, origin: &str) -> Self {
        let (client, replies) = unbounded();
        let connection = ConnectionId::new();
        let connect = Message::Connect {
            connection,
            scope: scope_of(origin),
            client: Client(client),
        };
        messages.send(Ok(connect)).unwrap();
        Self {
            messages: messages.clone(),
            replies,
            connection,
            next_call: 0,
        }
    }

    fn ask(&mut self, request: SyncRequest) -> CallId {
        let call = CallId(self.next_call);
        self.next_call += 1;
        let request = Message::Request {
            connection: self.connection,
            call,
            request,
        };
        self.messages.send(Ok(request)).unwrap();
        call
    }

    fn reply(&self) -> SyncReply {
        let reply = self.replies.recv_timeout(LIMIT).unwrap();
        let acknowledge = Message::Acknowledge {
            connection: self.connection,
            call: reply.call,
        };
        self.messages.send(Ok(acknowledge)).unwrap();
        reply
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
    /// Of the periodic registrations: those that are there, and those that are gone for good.
    periodic: BTreeSet<String>,
    unregistered: BTreeSet<String>,
    /// The last entry of the journal, after the end of the last process.
    last_entry: Option<JournalEntry>,
}

/// A process that is killed, and what it says.
fn start(folder: &Path, test: &str, durability: Durability) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if durability == Durability::Relaxed {
        command.env(CHILD_IS_RELAXED, "1");
    }
    command.spawn().unwrap()
}

fn round(
    folder: &Path,
    durability: Durability,
    known: &mut Known,
    lines_to_live: u64,
    micros_to_live: u64,
) {
    let mut child = start(folder, "child::child", durability);
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
            "periodic" => drop(known.periodic.insert(rest.to_owned())),
            "unregistering" => drop(known.periodic.remove(rest)),
            "unregistered" => drop(known.unregistered.insert(rest.to_owned())),
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

/// What a new process holds.
struct Held {
    list: Vec<RegistrationInfo>,
    journal: Vec<JournalEntry>,
}

fn open(folder: &Path) -> Held {
    let (_, messages_in) = unbounded::<Result<Message, String>>();
    let (events, _keep) = unbounded();
    let config = Config::new()
        .directory(folder)
        .connectivity(Connectivity::Offline);
    let engine = Box::new(TestEngine(events));
    let thread = SyncManager::spawn(config, messages_in, engine, Box::new(Silent)).unwrap();
    let control = thread.control();
    let list = control.list().wait_timeout(LIMIT).unwrap();
    let journal = control.journal(JournalQuery::default());
    let journal = journal.wait_timeout(LIMIT).unwrap();
    thread.shutdown();
    Held { list, journal }
}

fn tags(list: &[RegistrationInfo], api: SyncApi) -> BTreeSet<String> {
    let of_api = list.iter().filter(|info| info.api == api);
    let tags: Vec<_> = of_api.map(|info| info.tag.to_string()).collect();
    let set: BTreeSet<_> = tags.iter().cloned().collect();
    assert_eq!(set.len(), tags.len(), "a tag is there twice");
    set
}

/// Compares what is there after the end of a process with what must be.
fn check(folder: &Path, durability: Durability, known: &mut Known) {
    let Held { list, journal } = open(folder);
    let held = tags(&list, SyncApi::OneShot);
    let held_periodic = tags(&list, SyncApi::Periodic);
    let back: Vec<_> = known.unregistered.intersection(&held_periodic).collect();
    assert!(back.is_empty(), "unregistered, and back: {back:?}");
    let undead: Vec<_> = known.gone.intersection(&held).collect();
    assert!(
        undead.is_empty(),
        "finished and removed, and back: {undead:?}"
    );
    match durability {
        Durability::Strict => {
            let lost: Vec<_> = known.open.difference(&held).collect();
            assert!(lost.is_empty(), "resolved, and lost: {lost:?}");
            let lost: Vec<_> = known.periodic.difference(&held_periodic).collect();
            assert!(lost.is_empty(), "resolved, and lost: {lost:?}");
            let of_periodic = list.iter().filter(|info| info.api == SyncApi::Periodic);
            let suspended = |info: &RegistrationInfo| info.why == WhyNotFired::Suspended;
            assert!(of_periodic.clone().all(suspended), "the origin's interval");
        }
        // What came in the last seconds may be lost.
        Durability::Relaxed => {
            known.open.clone_from(&held);
            known.periodic.clone_from(&held_periodic);
        }
    }
    let sequences: Vec<_> = journal.iter().map(|entry| entry.sequence).collect();
    assert!(sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    if let (Some(last), Some(oldest)) = (&known.last_entry, sequences.first()) {
        let is_it =
            |entry: &JournalEntry| entry.sequence == last.sequence && entry.what == last.what;
        assert!(last.sequence < *oldest || journal.iter().any(is_it));
    }
    known.last_entry = journal.last().cloned();
    for tag in std::mem::take(&mut known.finished) {
        if held.contains(&tag) {
            // Its removal was not committed when the process died: it fires once more.
            known.came_back += 1;
            known.open.insert(tag);
        } else {
            known.gone.insert(tag);
        }
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Registers what the next process finds, durably.
fn leave_something_to_unregister(folder: &Path, known: &mut Known, round: u64) {
    let config = Config::new()
        .directory(folder)
        .connectivity(Connectivity::Offline);
    let (messages, messages_in) = unbounded::<Result<Message, String>>();
    let engine = Box::new(TestEngine(unbounded().0));
    let _thread = SyncManager::spawn(config, messages_in, engine, Box::new(Silent)).unwrap();
    let mut page = Page::open(&messages, PERIODIC);
    for part in 0..10 {
        let tag = format!("0-{round}-{part}");
        page.ask(periodic(&tag));
        assert_eq!(page.reply().response, SyncResponse::Registered(Ok(())));
        known.periodic.insert(tag);
    }
}

fn kill_again_and_again(durability: Durability, rounds: u64) -> Known {
    let mut dice: u64 = number("CRASH_SEED").unwrap_or(1);
    let mut roll = |below: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (dice >> 33) % below
    };
    let folder = tempfile::tempdir().unwrap();
    let mut known = Known::default();
    for number in 0..rounds {
        if durability == Durability::Relaxed {
            leave_something_to_unregister(folder.path(), &mut known, number);
        }
        let (lines, micros) = (6 + roll(60), roll(3_000));
        round(folder.path(), durability, &mut known, lines, micros);
        check(folder.path(), durability, &mut known);
    }
    assert!(known.resolved > 100, "{}", known.resolved);
    assert!(known.unregistered.len() > 10, "{:?}", known.unregistered);
    known
}

#[test]
fn nothing_resolved_is_lost_when_the_process_is_killed() {
    let rounds = number("CRASH_ROUNDS").unwrap_or(ROUNDS);
    let known = kill_again_and_again(Durability::Strict, rounds);
    let (gone, came_back) = (known.gone.len(), known.came_back);
    println!(
        "{} resolved, none lost; {gone} stayed finished, {came_back} fired again",
        known.resolved
    );
    // Removals are committed with what comes next, or soon.
    assert!(gone > 100, "{gone} stayed finished");
}

#[test]
fn another_process_on_the_profile_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), "child::idle_child", Durability::Relaxed);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let resolved = lines.find(|line| line.as_ref().unwrap().starts_with("resolved "));
    assert!(resolved.is_some(), "it has it open");
    let spawn = || {
        let (_, messages_in) = unbounded::<Result<Message, String>>();
        let engine = Box::new(TestEngine(unbounded().0));
        let config = Config::new().directory(folder.path());
        SyncManager::spawn(config, messages_in, engine, Box::new(Silent))
    };
    let refused = spawn().expect_err("the other one has it").to_string();
    assert!(
        refused.contains("another browser uses this profile"),
        "{refused}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    spawn().expect("it is free again");
}

#[test]
fn what_was_removed_stays_removed_in_the_relaxed_setting_too() {
    kill_again_and_again(Durability::Relaxed, RELAXED_ROUNDS);
}

#[test]
fn what_is_relaxed_survives_a_kill_after_its_window() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(folder.path(), "child::idle_child", Durability::Relaxed);
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (lines_out, lines) = unbounded();
    std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            let _ = lines_out.send(line);
        }
    });
    while lines.recv_timeout(LIMIT).unwrap() != "resolved 9" {}
    let deadline = Instant::now() + LIMIT + Duration::from_millis(RELAXED_WINDOW_MS);
    // What the medium has shows in a copy of its files. There is no log before the first commit.
    let is_on_the_medium = || {
        let copy = tempfile::tempdir().unwrap();
        let copy_file = |name| std::fs::copy(folder.path().join(name), copy.path().join(name));
        drop(["registrations.log", "registrations.redb"].map(copy_file));
        open(copy.path()).list.len() == 10
    };
    while !is_on_the_medium() {
        assert!(Instant::now() < deadline, "it is never made durable");
        std::thread::sleep(Duration::from_millis(100));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(tags(&open(folder.path()).list, SyncApi::OneShot).len(), 10);
}
