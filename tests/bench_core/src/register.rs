//! How long `register()` takes.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use background_sync::Durability;
use background_sync_core::RegistrationState;

use crate::browser::{Browser, Page};
use crate::fill::record;
use crate::raw::{Echo, RawDatabase, RawLog, Way};
use crate::report::{Goal, Line, lower_quartile, median};

/// Rounds of a latency, in which the component and its reference take turns so that both have the
/// same weather.
const ROUNDS: usize = 1_000;

/// Calls that are not answered at the same time.
const OUTSTANDING: usize = 256;
const CALLS: usize = 20_000;

/// Microseconds of one call of `what`.
fn microseconds(what: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    what()?;
    Ok(start.elapsed().as_secs_f64() * 1e6)
}

/// How long things take that take turns, in microseconds: the lower quartile. On a busy machine most
/// wake-ups wait for the scheduler, and who has more threads waits more often; this is about what the
/// component costs, not about its neighbours.
///
/// Each is followed by a `rest`: what its threads do before they sleep is nobody else's.
fn take_turns<const N: usize>(
    what: &mut [&mut dyn FnMut() -> Result<f64>; N],
    mut rest: impl FnMut() -> Result<()>,
) -> Result<[f64; N]> {
    let mut samples = [const { Vec::new() }; N];
    for _ in 0..ROUNDS {
        for (what, samples) in what.iter_mut().zip(&mut samples) {
            samples.push(what()?);
            rest()?;
        }
    }
    Ok(samples.map(|mut samples| lower_quartile(&mut samples)))
}

/// Has all threads that `measure` starts share one processor. Of a single call, a thread does its part and the next one
/// begins: what is left to chance is which processor that one was on, and how deeply it slept. To wake one takes from 5
/// to 60 us on a virtual machine, more than all that the component does.
#[cfg(target_os = "linux")]
fn on_one_processor<T>(measure: impl FnOnce() -> Result<T>) -> Result<T> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let any = sched_getaffinity(None)?;
    let mut one = CpuSet::new();
    let is_allowed = |processor: &usize| any.is_set(*processor);
    if let Some(processor) = (0..CpuSet::MAX_CPU).find(is_allowed) {
        one.set(processor);
    }
    sched_setaffinity(None, &one)?;
    let measured = measure();
    sched_setaffinity(None, &any)?;
    measured
}

/// Other systems are not asked for that.
#[cfg(not(target_os = "linux"))]
fn on_one_processor<T>(measure: impl FnOnce() -> Result<T>) -> Result<T> {
    measure()
}

/// One call after the other, as a page that awaits each promise: microseconds until the next one's is resolved. Its
/// acknowledgement, which follows, holds nobody up.
fn sequential(page: &mut Page) -> impl FnMut() -> Result<f64> + '_ {
    let mut number = 0;
    move || {
        number += 1;
        let start = Instant::now();
        let call = page.register(&format!("send-outbox-{number}"))?;
        let microseconds = start.elapsed().as_secs_f64() * 1e6;
        page.acknowledge(call)?;
        Ok(microseconds)
    }
}

/// The same of a message there and back.
fn round_trips(echo: &mut Echo) -> impl FnMut() -> Result<f64> + '_ {
    move || {
        let start = Instant::now();
        let call = echo.round_trip("send-outbox-1")?;
        let microseconds = start.elapsed().as_secs_f64() * 1e6;
        echo.acknowledge(call)?;
        Ok(microseconds)
    }
}

/// Strict round trips, what the machine needs for them, and a commit of a raw database, in microseconds.
struct Strict {
    value: f64,
    append: f64,
    message: f64,
    floor: f64,
    /// Of calls that write nothing, after a message and right after a flush.
    unwritten: [f64; 2],
    commit: f64,
}

impl Strict {
    fn measure(folder: &Path) -> Result<Self> {
        let browser = Browser::start(Some(&folder.join("manager")), Durability::Strict)?;
        let mut page = browser.page(0)?;
        let mut log = RawLog::create(&folder.join("raw.log"))?;
        let mut database = RawDatabase::create(&folder.join("raw.redb"))?;
        let record = record(1, 0, RegistrationState::Pending)?;
        let mut echo = Echo::start(Way::Direct)?;
        let floor_log = RawLog::create(&folder.join("floor.log"))?;
        let mut kept_echo = Echo::start(Way::ToTheLog(floor_log))?;
        let relaxed = Browser::start(Some(&folder.join("relaxed")), Durability::Relaxed)?;
        let (mut relaxed_page, mut other_page) = (relaxed.page(0)?, relaxed.page(1)?);
        let mut register_relaxed = sequential(&mut other_page);
        let mut messages = Echo::start(Way::Direct)?;
        let mut after_message = Vec::new();
        let mut flushes = RawLog::create(&folder.join("flushes.log"))?;
        let mut message = round_trips(&mut messages);
        let what: &mut [&mut dyn FnMut() -> Result<f64>; 6] = &mut [
            &mut sequential(&mut page),
            &mut || microseconds(|| log.append()),
            &mut round_trips(&mut echo),
            &mut round_trips(&mut kept_echo),
            &mut sequential(&mut relaxed_page),
            &mut || {
                after_message.push(message().and_then(|_| register_relaxed())?);
                Ok(0.0)
            },
        ];
        let [value, append, message, floor, after_flush, _] =
            take_turns(what, || flushes.append())?;
        let unwritten = [lower_quartile(&mut after_message), after_flush];
        browser.shutdown();
        relaxed.shutdown();
        let [commit] = take_turns(
            &mut [&mut || microseconds(|| database.commit(&record, 1))],
            || Ok(()),
        )?;
        Ok(Self {
            value,
            append,
            message,
            floor,
            unwritten,
            commit,
        })
    }

    fn reference(&self) -> f64 {
        self.append + self.message
    }
}

/// A strict round trip against the floor: a raw append with its flush, and a raw message there and back.
pub fn strict(folder: &Path) -> Result<Line> {
    let everywhere = Strict::measure(&folder.join("strict"))?;
    let one = on_one_processor(|| Strict::measure(&folder.join("strict-on-one")))?;
    let (reference, goal) = (Some(one.reference()), Goal::RatioAtMost(1.25));
    let line = Line::new("register(), strict", one.value, "us", reference, goal);
    Ok(line.note(format!(
        "raw append of 4,096 preallocated bytes and flush {:.0} us + raw ipc round trip {:.0} us, all on one processor (a raw \
         durable redb commit is {:.0} us); the floor, the same messages by the same threads, which append and flush and do \
         nothing else, is {:.0} us, {:.2} times the reference; a call that writes nothing takes {:.0} us after a message, and \
         {:.0} us right after a flush; on any processor, {:.0} against {:.0} us, floor {:.0} us",
        one.append,
        one.message,
        one.commit,
        one.floor,
        one.floor / one.reference(),
        one.unwritten[0],
        one.unwritten[1],
        everywhere.value,
        everywhere.reference(),
        everywhere.floor,
    )))
}

/// Relaxed round trips against a raw message there and back, in microseconds.
struct Relaxed {
    value: f64,
    in_memory: f64,
    message: f64,
    through_threads: f64,
}

impl Relaxed {
    fn measure(folder: &Path) -> Result<Self> {
        let browser = Browser::start(Some(folder), Durability::Relaxed)?;
        let mut page = browser.page(0)?;
        let memory = Browser::start(None, Durability::Relaxed)?;
        let mut page_in_memory = memory.page(0)?;
        let mut echo = Echo::start(Way::Direct)?;
        let mut routed = Echo::start(Way::ThroughThreads)?;
        let mut rest = Echo::start(Way::Direct)?;
        let what: &mut [&mut dyn FnMut() -> Result<f64>; 4] = &mut [
            &mut sequential(&mut page),
            &mut sequential(&mut page_in_memory),
            &mut round_trips(&mut echo),
            &mut round_trips(&mut routed),
        ];
        let [value, in_memory, message, through_threads] =
            take_turns(what, || rest.round_trip("send-outbox-1").map(drop))?;
        browser.shutdown();
        memory.shutdown();
        Ok(Self {
            value,
            in_memory,
            message,
            through_threads,
        })
    }
}

/// A relaxed round trip against a raw message there and back.
pub fn relaxed(folder: &Path) -> Result<Line> {
    let everywhere = Relaxed::measure(&folder.join("relaxed"))?;
    let one = on_one_processor(|| Relaxed::measure(&folder.join("relaxed-on-one")))?;
    // Three more threads than in the reference: one receives, one decides, one delivers what may block it.
    let (reference, goal) = (Some(one.message), Goal::RatioAtMost(2.3));
    let line = Line::new("register(), relaxed", one.value, "us", reference, goal);
    Ok(line.note(format!(
        "raw ipc round trip, all on one processor; with the store in memory {:.0} us; the floor, the same \
         messages by threads that do nothing else, is {:.0} us; on any processor, {:.0} against {:.0} us, floor {:.0} us",
        one.in_memory,
        one.through_threads,
        everywhere.value,
        everywhere.message,
        everywhere.through_threads,
    )))
}

/// Calls in a second with many of them outstanding.
pub fn rate(page: &mut Page, prefix: &str, calls: usize) -> Result<f64> {
    let start = Instant::now();
    for number in 0..OUTSTANDING.min(calls) {
        page.ask_to_register(&format!("{prefix}-{number}"))?;
    }
    for number in OUTSTANDING..calls + OUTSTANDING {
        let call = page.registered()?;
        page.acknowledge(call)?;
        if number < calls {
            page.ask_to_register(&format!("{prefix}-{number}"))?;
        }
    }
    Ok(calls as f64 / start.elapsed().as_secs_f64())
}

/// Many strict calls at once against the same with the store in memory.
pub fn outstanding(folder: &Path) -> Result<Line> {
    let strict = Browser::start(Some(&folder.join("outstanding")), Durability::Strict)?;
    let memory = Browser::start(None, Durability::Strict)?;
    let (mut strict_page, mut memory_page) = (strict.page(0)?, memory.page(0)?);
    let mut database = RawDatabase::create(&folder.join("raw-outstanding.redb"))?;
    let record = record(1, 0, RegistrationState::Pending)?;
    let (mut values, mut references, mut commits) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..5 {
        for _ in 0..20 {
            commits.push(microseconds(|| database.commit(&record, OUTSTANDING))?);
        }
        let prefix = format!("round-{round}");
        values.push(rate(&mut strict_page, &prefix, CALLS / 5)?);
        references.push(rate(&mut memory_page, &prefix, CALLS / 5)?);
    }
    strict.shutdown();
    memory.shutdown();
    let (value, reference) = (median(&mut values), median(&mut references));
    let goal = Goal::RatioAtLeast(0.7);
    let line = Line::new(
        "256 register() outstanding, strict",
        value,
        "calls/s",
        Some(reference),
        goal,
    );
    let commit = median(&mut commits);
    // All of them wait for one commit, then the component works, then they wait again.
    let in_turn = 1.0 / (1.0 + commit * reference / (OUTSTANDING as f64 * 1e6));
    Ok(line.note(format!(
        "the same calls with the store in memory; a raw durable commit of 256 records takes \
         {commit:.0} us: unless commits and calls overlap, {in_turn:.2} is the most"
    )))
}
