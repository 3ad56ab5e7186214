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

/// As long as there is between two `register()` of the page: a disk and a processor that had nothing to do take longer.
const PAUSE: Duration = Duration::from_millis(2);

/// Milliseconds for each of so many flushes of a file in this folder that has room already: one page each, on the medium when
/// it returns.
pub fn flushes_ms(folder: &Path, count: usize) -> Result<Vec<f64>> {
    let path = folder.join("floor");
    flush_repeatedly(&path, count).with_context(|| format!("cannot write {}", path.display()))
}

fn flush_repeatedly(path: &Path, count: usize) -> io::Result<Vec<f64>> {
    let file = File::create(path)?;
    let place = |number: usize| number as u64 * PAGE.len() as u64;
    for number in 0..count {
        file.write_all_at(&[0; PAGE.len()], place(number))?;
    }
    file.sync_all()?;
    let mut times = Vec::with_capacity(count);
    for number in 0..count {
        thread::sleep(PAUSE);
        let start = Instant::now();
        file.write_all_at(&PAGE, place(number))?;
        file.sync_data()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// Threads that a command to the kiosk passes until a sync event is in its worker: the one that reads it, the embedder's, the
/// SyncManager's, the one that has the service workers, and the worker's.
pub const THREADS_TO_THE_EVENT: usize = 5;

/// Milliseconds for each of so many ways of a byte through a pipe, and through so many threads, each of which sleeps until the
/// one before wakes it, and does nothing else.
pub fn hand_overs_ms(threads: usize, count: usize) -> Result<Vec<f64>> {
    let (mut reader, mut writer) = io::pipe().context("no pipe")?;
    let (first, mut last) = channel();
    // It ends with its pipe, and each of the others with the one before.
    thread::spawn(move || {
        let mut byte = [0];
        while reader.read_exact(&mut byte).is_ok() && first.send(Instant::now()).is_ok() {}
    });
    for _ in 1..threads {
        let (to_next, next) = channel();
        let before = std::mem::replace(&mut last, next);
        thread::spawn(move || pass_on(&before, &to_next));
    }
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        thread::sleep(PAUSE);
        let start = Instant::now();
        writer.write_all(&[1])?;
        let there = last.recv().context("a thread has ended")?;
        times.push(there.duration_since(start).as_secs_f64() * 1e3);
    }
    Ok(times)
}

fn pass_on(before: &Receiver<Instant>, next: &Sender<Instant>) {
    while before.recv().is_ok() && next.send(Instant::now()).is_ok() {}
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn each_flush_takes_time_and_is_there() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let times = flushes_ms(folder.path(), 3)?;
        assert_eq!(times.len(), 3);
        assert!(times.iter().all(|ms| *ms > 0.0));
        assert_eq!(fs::read(folder.path().join("floor"))?, PAGE.repeat(3));
        Ok(())
    }

    #[test]
    fn each_thread_adds_to_the_way() -> Result<()> {
        let least = |threads| -> Result<f64> {
            let times = hand_overs_ms(threads, 50)?;
            assert_eq!(times.len(), 50);
            Ok(times.into_iter().fold(f64::INFINITY, f64::min))
        };
        let (one, many) = (least(1)?, least(40)?);
        assert!(one > 0.0 && many > one, "{one} and {many} ms");
        Ok(())
    }
}
