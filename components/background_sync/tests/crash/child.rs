//! The processes that are killed.

use background_sync::traits::{Caller, SyncEventKind};

use super::*;

/// The process that is killed: registers tags without end; of its events every third fails. Periodic registrations
/// come and go beside that.
#[test]
fn child() {
    let Ok(folder) = std::env::var(CHILD) else {
        return;
    };
    let durability = match std::env::var_os(CHILD_IS_RELAXED) {
        Some(_) => Durability::Relaxed,
        None => Durability::Strict,
    };
    let policy = Policy {
        first_retry_delay_ms: 5,
        max_attempts: None,
        durability,
        ..Policy::standard()
    };
    let config = Config::new().policy(policy).directory(folder);
    let (messages, messages_in) = unbounded::<Result<Message, String>>();
    let (events_out, events) = unbounded();
    let engine = Box::new(TestEngine(events_out));
    let thread = SyncManager::spawn(config, messages_in, engine, Box::new(Silent)).unwrap();
    // The test's own output has begun a line.
    say("");
    let worker = messages.clone();
    std::thread::spawn(move || finish_events(&events, &worker));
    let control = thread.control();
    let mut page = Page::open(&messages, ONE_SHOT);
    let mut periodic = Page::open(&messages, PERIODIC);
    let mut earlier = tags(
        &control.list().wait_timeout(LIMIT).unwrap(),
        SyncApi::Periodic,
    );
    let process = std::process::id();
    for number in 0_u64.. {
        // A few at once, so that commits have several in them.
        let tags: Vec<_> = (0..3)
            .map(|part| format!("{process}-{number}-{part}"))
            .collect();
        for tag in &tags {
            let tag = Tag::try_from(tag.as_str());
            page.ask(SyncRequest::Register {
                tag,
                active_worker: true,
                caller: Caller::Page,
            });
        }
        for _ in &tags {
            let reply = page.reply();
            if reply.response == SyncResponse::Registered(Ok(())) {
                say(&format!(
                    "resolved {}",
                    tags[usize::try_from(reply.call.0 % 3).unwrap()]
                ));
            }
        }
        come_and_go(
            &control,
            &mut periodic,
            &format!("{process}-{number}"),
            number,
        );
        // One that an earlier process had made durable.
        if let Some(tag) = earlier.pop_first() {
            unregister(&control, &tag);
        }
    }
}

const ONE_SHOT: &str = "https://a.example";
pub const PERIODIC: &str = "https://periodic.example";

/// Fires nothing: only what is stored of it counts. Every other one is unregistered.
fn come_and_go(control: &SyncManagerControl, page: &mut Page, tag: &str, number: u64) {
    control.set_extra_interval(PERIODIC.try_into().unwrap(), ExtraInterval::Never);
    page.ask(periodic(tag));
    if page.reply().response == SyncResponse::Registered(Ok(())) {
        say(&format!("periodic {tag}"));
    }
    if number.is_multiple_of(2) {
        unregister(control, tag);
    }
}

pub fn periodic(tag: &str) -> SyncRequest {
    SyncRequest::RegisterPeriodic {
        tag: Tag::try_from(tag),
        min_interval_ms: 0,
        active_worker: true,
    }
}

fn unregister(control: &SyncManagerControl, tag: &str) {
    say(&format!("unregistering {tag}"));
    let name = Tag::try_from(tag).unwrap();
    let removed = control.unregister(SyncApi::Periodic, scope_of(PERIODIC), name);
    if removed.wait_timeout(LIMIT) == Some(Ok(1)) {
        say(&format!("unregistered {tag}"));
    }
}

fn finish_events(events: &Receiver<DispatchedEvent>, worker: &Sender<Result<Message, String>>) {
    for (number, event) in events.iter().enumerate() {
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
}

/// Another process that is killed: registers a few tags without a network, and then has nothing to do.
#[test]
fn idle_child() {
    let (Ok(folder), Some(_)) = (std::env::var(CHILD), std::env::var_os(CHILD_IS_RELAXED)) else {
        return;
    };
    let policy = Policy {
        durability: Durability::Relaxed,
        ..Policy::standard()
    };
    let config = Config::new().policy(policy).directory(folder);
    let config = config.connectivity(Connectivity::Offline);
    let (messages, messages_in) = unbounded::<Result<Message, String>>();
    let engine = Box::new(TestEngine(unbounded().0));
    let _thread = SyncManager::spawn(config, messages_in, engine, Box::new(Silent)).unwrap();
    say("");
    let mut page = Page::open(&messages, ONE_SHOT);
    for number in 0..10 {
        page.ask(SyncRequest::Register {
            tag: Tag::try_from(number.to_string()),
            active_worker: true,
            caller: Caller::Page,
        });
        page.reply();
        say(&format!("resolved {number}"));
    }
    std::thread::park();
}
