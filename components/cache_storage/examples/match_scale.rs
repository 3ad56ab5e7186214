//! How long `match` takes among 100 and among 10,000 entries, and their ratio. In turns, so that both have the same
//! machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_storage::{
    CacheError, CacheId, CacheStore, FolderMedium, Limits, Operation, QueryOptions, RequestHead,
    ResponseHead, Take,
};

const MATCHES: usize = 2_000;
const ROUNDS: usize = 5;
const BATCH: usize = 1_000;

fn fill(store: &mut CacheStore, name: &[u8], entries: usize) -> Result<CacheId, CacheError> {
    let cache = store.open_cache(name)?;
    let numbers: Vec<usize> = (0..entries).collect();
    for part in numbers.chunks(BATCH) {
        let mut batch = Vec::new();
        for number in part {
            let mut body = store.new_body();
            body.append(&[7; 2_048])?;
            batch.push(Operation::Put {
                request: RequestHead::get(format!("https://a.example/item?id={number}")),
                response: ResponseHead::default(),
                body: Some(body),
            });
        }
        store.commit(cache, batch)?;
    }
    Ok(cache)
}

fn measure(store: &mut CacheStore, cache: CacheId, entries: usize) -> Result<Duration, CacheError> {
    let begin = Instant::now();
    for number in 0..MATCHES {
        let number = number * 7_919 % entries;
        let request = RequestHead::get(format!("https://a.example/item?id={number}"));
        let found = store.query(cache, Some(&request), QueryOptions::default(), Take::First)?;
        assert_eq!(found.len(), 1);
    }
    Ok(begin.elapsed())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let limits = Limits {
        max_bytes: 1 << 30,
        max_caches: 10,
    };
    let mut stores = Vec::new();
    for (folder, entries) in folders.iter().zip([100, 10_000]) {
        let medium = Arc::new(FolderMedium::new(folder.path())?);
        let mut store = CacheStore::open(medium, limits)?;
        let cache = fill(&mut store, b"v1", entries)?;
        stores.push((store, cache, entries));
    }
    for _ in 0..ROUNDS {
        let mut times = Vec::new();
        for (store, cache, entries) in &mut stores {
            times.push(measure(store, *cache, *entries)?);
        }
        let micros = |time: &Duration| time.as_micros() as f64 / MATCHES as f64;
        let (few, many) = (micros(&times[0]), micros(&times[1]));
        println!(
            "{few:.1} us among 100, {many:.1} us among 10,000: {:.2}",
            many / few
        );
    }
    Ok(())
}
