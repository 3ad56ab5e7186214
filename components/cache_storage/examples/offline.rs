//! What an offline app does with its caches: `cargo run -p cache_storage --example offline`. It installs a version,
//! is ended, opens without a network, and replaces the version by the next one.

use std::path::Path;
use std::sync::Arc;

use cache_storage::{
    CacheStore, FolderMedium, FoundBody, Limits, Operation, QueryOptions, RequestHead,
    ResponseHead, Take,
};

const PAGE: &str = "https://shop.example/";
const PICTURE: &str = "https://shop.example/picture.png";
const PICTURE_BYTES: usize = 300_000;
const LIMITS: Limits = Limits {
    max_bytes: 1 << 20,
    max_caches: 8,
};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn open(folder: &Path) -> Result<CacheStore> {
    let medium = Arc::new(FolderMedium::new(folder)?);
    Ok(CacheStore::open(medium, LIMITS)?)
}

/// `cache.addAll()`: all of it is there afterwards, or nothing.
fn install(store: &mut CacheStore, version: &str) -> Result<()> {
    let cache = store.open_cache(version.as_bytes())?;
    let page = format!("<h1>{version}</h1>").into_bytes();
    let mut batch = Vec::new();
    for (url, bytes) in [(PAGE, page), (PICTURE, vec![7; PICTURE_BYTES])] {
        let mut body = store.new_body();
        // As it comes from the network: a body is never in memory as a whole.
        for part in bytes.chunks(10_000) {
            body.append(part)?;
        }
        batch.push(Operation::Put {
            request: RequestHead::get(url),
            response: ResponseHead {
                status: 200,
                url: Some(url.to_owned()),
                ..ResponseHead::default()
            },
            body: Some(body),
        });
    }
    store.commit(cache, batch)?;
    store.release_cache(cache);
    Ok(())
}

/// `cache.match()`.
fn load(store: &mut CacheStore, version: &str, url: &str) -> Result<Option<Vec<u8>>> {
    let Some(cache) = store.find_cache(version.as_bytes())? else {
        return Ok(None);
    };
    let request = RequestHead::get(url);
    let options = QueryOptions {
        ignore_search: true,
        ..QueryOptions::default()
    };
    let found = store.query(cache, Some(&request), options, Take::First)?;
    let Some(first) = found.into_iter().next() else {
        return Ok(None);
    };
    let mut bytes = Vec::new();
    match first.body {
        FoundBody::None => {}
        FoundBody::Inline(inline) => bytes = inline,
        FoundBody::File(mut reader) => {
            while let Some(chunk) = reader.read()? {
                bytes.extend_from_slice(&chunk);
            }
        }
    }
    Ok(Some(bytes))
}

fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut store = open(folder.path())?;
    install(&mut store, "v1")?;
    println!("v1 is installed: {} bytes are stored", store.stored_bytes());
    drop(store);

    let mut store = open(folder.path())?;
    let page = load(&mut store, "v1", &format!("{PAGE}?from=home-screen"))?;
    let page = page.ok_or("the page is not in its cache")?;
    println!("after a restart: {}", String::from_utf8(page)?);
    let picture = load(&mut store, "v1", PICTURE)?.ok_or("the picture is not in its cache")?;
    println!("and a picture of {} bytes", picture.len());

    install(&mut store, "v2")?;
    store.delete_cache(b"v1")?;
    let left: Vec<_> = store.names()?.into_iter().map(|(_, name)| name).collect();
    println!(
        "after the update: {:?}, {} bytes",
        left.iter()
            .map(|name| String::from_utf8_lossy(name))
            .collect::<Vec<_>>(),
        store.stored_bytes()
    );
    match load(&mut store, "v1", PAGE)? {
        None => Ok(()),
        Some(_) => Err("a cache that was deleted still answers".into()),
    }
}
