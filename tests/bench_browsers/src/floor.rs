//! What the machine sets as a floor: its disk for whoever stores durably, and its scheduler for whatever goes from thread to
//! thread.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What is written at least: a page, in bytes.
const PAGE: [u8; 4_096] = [7; 4_096];

/// How often something is done, and how long nothing is done before: a disk and a processor that had nothing to do take
/// longer, so a floor needs the pauses of what it is a floor of.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub count: usize,
    pub pause: Duration,
}

/// Milliseconds for each of so many flushes of a file in this folder that has room already: one page each, on the medium when
/// it returns.
pub fn flushes_ms(folder: &Path, times: Times) -> Result<Vec<f64>> {
    let path = folder.join("floor");
    flush_repeatedly(&path, times).with_context(|| format!("cannot write {}", path.display()))
}

fn flush_repeatedly(path: &Path, Times { count, pause }: Times) -> io::Result<Vec<f64>> {
    let mut keeper = Keeper::new(path, count)?;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        thread::sleep(pause);
        let start = Instant::now();
        keeper.append()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// A file that has room for so many pages already.
struct Keeper {
    file: File,
    pages: u64,
}

impl Keeper {
    fn new(path: &Path, pages: usize) -> io::Result<Self> {
        let mut keeper = Self {
            file: File::create(path)?,
            pages: 0,
        };
        for _ in 0..pages {
            keeper.write(&[0; PAGE.len()])?;
        }
        keeper.file.sync_all()?;
        keeper.pages = 0;
        Ok(keeper)
    }

    fn write(&mut self, page: &[u8; PAGE.len()]) -> io::Result<()> {
        let place = self.pages * page.len() as u64;
        self.pages += 1;
        self.file.write_all_at(page, place)
    }

    /// The page is on the medium when it returns.
    fn append(&mut self) -> io::Result<()> {
        self.write(&PAGE)?;
        self.file.sync_data()
    }
}

/// Threads that a command to the kiosk passes until the SyncManager's, the last of them, has made an attempt durable.
pub const THREADS_TO_THE_STORE: usize = 2;

/// Milliseconds for each of so many pages that another thread appends to a file in this folder and flushes, while this one
/// sleeps until it is told.
pub fn durable_answers_ms(folder: &Path, Times { count, pause }: Times) -> Result<Vec<f64>> {
    let mut keeper = keeper(folder, count)?;
    let (to_keeper, asked) = channel::<()>();
    let (answer, answered) = channel();
    // It ends with its channel.
    thread::spawn(move || while asked.recv().is_ok() && answer.send(keeper.append()).is_ok() {});
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        thread::sleep(pause);
        let start = Instant::now();
        to_keeper.send(()).context("the thread has ended")?;
        answered.recv().context("the thread has ended")??;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// Milliseconds for each of so many ways of a byte through a pipe and [`THREADS_TO_THE_STORE`] threads, each of which sleeps
/// until the one before wakes it. The last appends a page to a file in this folder and flushes it; the other does nothing
/// else.
pub fn durable_ways_ms(folder: &Path, times: Times) -> Result<Vec<f64>> {
    let mut keeper = Some(keeper(folder, times.count)?);
    ways_ms(THREADS_TO_THE_STORE, times, |number| {
        keeper.take_if(|_| number + 1 == THREADS_TO_THE_STORE)
    })
}

fn keeper(folder: &Path, pages: usize) -> Result<Keeper> {
    let path = folder.join("floor");
    Keeper::new(&path, pages).with_context(|| format!("cannot write {}", path.display()))
}

fn ways_ms(
    threads: usize,
    Times { count, pause }: Times,
    mut keeper_of: impl FnMut(usize) -> Option<Keeper>,
) -> Result<Vec<f64>> {
    let (mut reader, mut writer) = io::pipe().context("no pipe")?;
    let (first, mut last) = channel();
    // It ends with its pipe, and each of the others with the one before.
    thread::spawn(move || {
        let mut byte = [0];
        while reader.read_exact(&mut byte).is_ok() && first.send(Instant::now()).is_ok() {}
    });
    for number in 1..threads {
        let (to_next, next) = channel();
        let before = std::mem::replace(&mut last, next);
        let keeper = keeper_of(number);
        thread::spawn(move || pass_on(&before, &to_next, keeper));
    }
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        thread::sleep(pause);
        let start = Instant::now();
        writer.write_all(&[1])?;
        let there = last.recv().context("a thread has ended")?;
        times.push(there.duration_since(start).as_secs_f64() * 1e3);
    }
    Ok(times)
}

fn pass_on(before: &Receiver<Instant>, next: &Sender<Instant>, mut keeper: Option<Keeper>) {
    while before.recv().is_ok() {
        // A page that can't be written ends the way, and the measurement with it.
        let is_kept = keeper.as_mut().is_none_or(|keeper| keeper.append().is_ok());
        if !is_kept || next.send(Instant::now()).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn times(count: usize) -> Times {
        let pause = Duration::from_micros(100);
        Times { count, pause }
    }

    #[test]
    fn each_flush_takes_time_and_is_there() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let taken = flushes_ms(folder.path(), times(3))?;
        assert_eq!(taken.len(), 3);
        assert!(taken.iter().all(|ms| *ms > 0.0));
        assert_eq!(fs::read(folder.path().join("floor"))?, PAGE.repeat(3));
        Ok(())
    }

    #[test]
    fn each_thread_adds_to_the_way() -> Result<()> {
        let least = |threads| -> Result<f64> {
            let taken = ways_ms(threads, times(50), |_| None)?;
            assert_eq!(taken.len(), 50);
            Ok(taken.into_iter().fold(f64::INFINITY, f64::min))
        };
        let (one, many) = (least(1)?, least(40)?);
        assert!(one > 0.0 && many > one, "{one} and {many} ms");
        Ok(())
    }

    #[test]
    fn what_another_thread_keeps_is_there() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let written = || fs::read(folder.path().join("floor"));
        assert_eq!(durable_answers_ms(folder.path(), times(2))?.len(), 2);
        assert_eq!(written()?, PAGE.repeat(2));
        assert_eq!(durable_ways_ms(folder.path(), times(3))?.len(), 3);
        assert_eq!(written()?, PAGE.repeat(3));
        Ok(())
    }
}
