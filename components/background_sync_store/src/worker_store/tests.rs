use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use background_sync_core::*;
use redb::ReadableTableMetadata;

use super::codec::WORKER_VERSION;
use super::tables::{MAX_STORED_WORKERS_PER_ORIGIN, ORDER};
use super::*;

fn scope(path: &str) -> ScopeKey {
    ScopeKey {
        origin: Origin::try_from("https://a.example").unwrap(),
        scope: ScopeUrl::try_from(format!("https://a.example/{path}")).unwrap(),
    }
}

/// Each of another origin.
fn numbered(number: u64) -> ScopeKey {
    let origin = format!("https://{number}.example");
    ScopeKey {
        scope: ScopeUrl::try_from(format!("{origin}/")).unwrap(),
        origin: Origin::try_from(&*origin).unwrap(),
    }
}

fn worker(source: &str) -> StoredWorker {
    StoredWorker {
        script_url: ScriptUrl::try_from("https://a.example/sw.js").unwrap(),
        source: WorkerSource::try_from(source.as_bytes().to_vec()).unwrap(),
        imports: StoredImports::default(),
        headers: Default::default(),
        updates: Default::default(),
        handles_fetch: true,
        navigation_preload: Default::default(),
    }
}

#[test]
fn workers_survive_a_restart_and_are_replaced_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = WorkerStore::open(folder.path()).unwrap();
    assert_eq!(store.load(&scope("")).unwrap(), None);
    store.put(&scope(""), &worker("one")).unwrap();
    store.put(&scope(""), &worker("two")).unwrap();
    store.put(&scope("gone/"), &worker("three")).unwrap();
    store.remove(&scope("gone/")).unwrap();
    drop(store);
    let mut store = WorkerStore::open(folder.path()).unwrap();
    assert_eq!(store.load(&scope("")).unwrap(), Some(worker("two")));
    assert_eq!(store.load(&scope("gone/")).unwrap(), None);
}

#[test]
fn a_file_is_used_by_one_process_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let _store = WorkerStore::open(folder.path()).unwrap();
    let second = WorkerStore::open(folder.path()).unwrap_err();
    assert!(matches!(second, StoreError::InUse { .. }), "{second}");
}

#[test]
fn a_damaged_file_is_set_aside_and_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(WORKERS_FILE_NAME);
    let aside = path.with_extension("unreadable-1.redb");
    for garbage in ["no database", "nor this"] {
        fs::write(&path, garbage).unwrap();
        let mut store = WorkerStore::open(folder.path()).unwrap();
        store.put(&scope(""), &worker("one")).unwrap();
        assert_eq!(store.load(&scope("")).unwrap(), Some(worker("one")));
        assert_eq!(fs::read_to_string(&aside).unwrap(), garbage);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

/// Opens the file, unless there is a fault.
fn on_medium(folder: &Path, fault: Arc<Mutex<Option<ErrorKind>>>) -> WorkerStore {
    let open = move |path: &Path| match *fault.lock().unwrap() {
        Some(kind) => Err(StorageError::Io(kind.into()).into()),
        None => open_file(path, CACHE_BYTES),
    };
    WorkerStore::with(folder.join(WORKERS_FILE_NAME), Box::new(open))
}

#[test]
fn a_fault_of_the_medium_is_no_damage_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let fault = Arc::new(Mutex::new(None));
    let mut store = on_medium(folder.path(), fault.clone());
    store.put(&scope(""), &worker("one")).unwrap();
    drop(store);
    for kind in [ErrorKind::StorageFull, ErrorKind::PermissionDenied] {
        *fault.lock().unwrap() = Some(kind);
        let mut store = on_medium(folder.path(), fault.clone());
        let error = store.put(&scope("b/"), &worker("two")).unwrap_err();
        match kind {
            ErrorKind::StorageFull => assert!(matches!(error, StoreError::Full { .. })),
            _ => assert!(matches!(error, StoreError::NotWritable { .. })),
        }
        *fault.lock().unwrap() = None;
        assert_eq!(store.load(&scope("")).unwrap(), Some(worker("one")));
        store.put(&scope("b/"), &worker("two")).unwrap();
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn workers_are_removed_by_what_is_chosen() {
    let mut store = WorkerStore::in_memory();
    for path in ["a/", "b/"] {
        store.put(&scope(path), &worker("same")).unwrap();
    }
    store.remove_chosen(|key| *key == scope("a/")).unwrap();
    assert_eq!(store.load(&scope("a/")).unwrap(), None);
    assert!(store.load(&scope("b/")).unwrap().is_some());
}

#[test]
fn the_first_one_gives_way_when_there_are_too_many() {
    let mut store = WorkerStore::in_memory();
    for number in 0..=MAX_STORED_WORKERS {
        store.put(&numbered(number), &worker("same")).unwrap();
    }
    assert_eq!(store.load(&numbered(0)).unwrap(), None);
    assert!(store.load(&numbered(1)).unwrap().is_some());
    let last = numbered(MAX_STORED_WORKERS);
    assert!(store.load(&last).unwrap().is_some());
}

#[test]
fn an_origin_with_many_workers_takes_the_place_of_its_own() {
    let mut store = WorkerStore::in_memory();
    store.put(&numbered(1), &worker("another's")).unwrap();
    for number in 0..=MAX_STORED_WORKERS_PER_ORIGIN {
        let scope = scope(&number.to_string());
        store.put(&scope, &worker("same")).unwrap();
    }
    assert!(store.load(&numbered(1)).unwrap().is_some());
    assert_eq!(store.load(&scope("0")).unwrap(), None);
    assert!(store.load(&scope("1")).unwrap().is_some());
}

#[test]
fn files_without_the_order_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::create(folder.path().join(WORKERS_FILE_NAME)).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(WORKERS).unwrap();
        let bytes = encode_worker(&worker("1")).unwrap();
        // The first ones have the highest numbers.
        for number in 0..MAX_STORED_WORKERS {
            let scope = numbered(number);
            let key = (scope.origin.as_str(), scope.scope.as_str());
            let value = (MAX_STORED_WORKERS - number, bytes.as_slice());
            table.insert(key, value).unwrap();
        }
    }
    transaction.commit().unwrap();
    drop(database);
    let mut store = WorkerStore::open(folder.path()).unwrap();
    let new = numbered(MAX_STORED_WORKERS);
    store.put(&new, &worker("2")).unwrap();
    assert_eq!(store.load(&new).unwrap(), Some(worker("2")));
    let oldest = numbered(MAX_STORED_WORKERS - 1);
    assert_eq!(store.load(&oldest).unwrap(), None);
    assert_eq!(store.load(&numbered(0)).unwrap(), Some(worker("1")));
    // One that is replaced or removed has no place in it any more.
    store.put(&numbered(0), &worker("3")).unwrap();
    store.remove(&numbered(1)).unwrap();
    store.remove_chosen(|scope| *scope == numbered(2)).unwrap();
    let order = store.database.run(|database| Ok(database.begin_read()?));
    let order = order.ok().unwrap().open_table(ORDER).unwrap();
    assert_eq!(order.len().unwrap(), MAX_STORED_WORKERS - 2);
    assert_eq!(
        order.last().unwrap().unwrap().0.value(),
        MAX_STORED_WORKERS + 2
    );
}

#[test]
fn imported_scripts_are_kept_and_records_without_them_are_read() {
    let import = StoredImport {
        url: ScriptUrl::try_from("https://cdn.example/lib.js").unwrap(),
        final_url: ScriptUrl::try_from("https://cdn.example/lib-1.js").unwrap(),
        source: WorkerSource::try_from(b"lib".to_vec()).unwrap(),
        muted_errors: true,
    };
    let with_import = StoredWorker {
        imports: vec![import].try_into().unwrap(),
        ..worker("main")
    };
    let bytes = encode_worker(&with_import).unwrap();
    assert_eq!(decode_worker(&bytes).unwrap(), with_import);

    // As the first version wrote it.
    let url = b"https://a.example/sw.js";
    let mut bytes = vec![1, u8::try_from(url.len()).unwrap()];
    bytes.extend_from_slice(url);
    bytes.extend_from_slice(b"\x04main");
    assert_eq!(decode_worker(&bytes).unwrap(), worker("main"));

    // As the second one did, with no import.
    bytes[0] = 2;
    bytes.push(0);
    assert_eq!(decode_worker(&bytes).unwrap(), worker("main"));
}

#[test]
fn policies_and_how_it_is_updated_are_kept() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let with_terms = StoredWorker {
        headers: vec![header("content-security-policy", "connect-src 'self'")]
            .try_into()
            .unwrap(),
        updates: UpdateTerms {
            via_cache: UpdateViaCache::None,
            last_check: Some(WallTime(1_700_000_000_000)),
        },
        ..worker("main")
    };
    let bytes = encode_worker(&with_terms).unwrap();
    assert_eq!(decode_worker(&bytes).unwrap(), with_terms);

    // As the fourth version wrote it, without the navigation preload: not enabled, and "true" in its length and bytes.
    let mut earlier = bytes[..bytes.len() - 6].to_vec();
    assert!(bytes.ends_with(b"\0\x04true"));
    earlier[0] = 4;
    assert_eq!(decode_worker(&earlier).unwrap(), with_terms);

    // As the third version wrote it: such a worker may listen to `fetch` events.
    earlier[0] = 3;
    assert_eq!(earlier.pop(), Some(1));
    assert_eq!(decode_worker(&earlier).unwrap(), with_terms);

    let silent = StoredWorker {
        handles_fetch: false,
        navigation_preload: NavigationPreloadState {
            enabled: true,
            header_value: b"v7".to_vec().try_into().unwrap(),
        },
        ..with_terms
    };
    let bytes = encode_worker(&silent).unwrap();
    assert_eq!(decode_worker(&bytes).unwrap(), silent);

    let long = "x".repeat(MAX_STORED_HEADER_BYTES);
    assert!(StoredHeaders::try_from(vec![header("", &long)]).is_ok());
    assert!(StoredHeaders::try_from(vec![header("a", &long)]).is_err());
}

#[test]
fn the_longest_worker_can_be_stored() {
    let longest = StoredWorker {
        source: WorkerSource::try_from(vec![b'x'; MAX_WORKER_SOURCE_BYTES]).unwrap(),
        // As many as there can be: each has bytes of its own in front.
        headers: vec![("a".to_owned(), String::new()); MAX_STORED_HEADER_BYTES]
            .try_into()
            .unwrap(),
        ..worker("")
    };
    let bytes = encode_worker(&longest).unwrap();
    assert_eq!(decode_worker(&bytes).unwrap(), longest);
}

#[test]
fn what_is_no_record_is_refused() {
    for bytes in [&[][..], &[6], &[WORKER_VERSION], &[WORKER_VERSION, 255, 9]] {
        assert!(decode_worker(bytes).is_err(), "{bytes:?}");
    }
}
