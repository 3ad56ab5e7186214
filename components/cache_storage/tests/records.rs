//! Stored pairs of each version that was ever written can be read.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;

use cache_storage::{
    CodecError, EntryRecord, FileId, Header, RequestHead, ResponseHead, ResponseKind, StoredBody,
    decode_entry, encode_entry,
};

fn pair(body: StoredBody) -> EntryRecord {
    EntryRecord {
        request: RequestHead {
            method: "GET".to_owned(),
            url: "https://a.example/app.js?v=1".to_owned(),
            headers: vec![Header::new("accept", "*/*")],
            host: vec![1, 2, 3],
        },
        response: ResponseHead {
            kind: ResponseKind::Cors,
            status: 200,
            status_text: b"OK".to_vec(),
            headers: vec![Header::new("vary", "accept")],
            exposed_headers: vec!["vary".to_owned()],
            url: Some("https://a.example/app.js?v=1".to_owned()),
            redirected: true,
        },
        body,
    }
}

/// `BACKGROUND_SYNC_WRITE_GOLDEN=1` writes those of a new version.
#[test]
fn golden_files_are_read() {
    let bodies = [
        ("none", StoredBody::None),
        (
            "inline",
            StoredBody::Inline {
                length: 7,
                checksum: u64::MAX,
            },
        ),
        (
            "file",
            StoredBody::File {
                id: FileId(300),
                length: 1 << 40,
            },
        ),
    ];
    for (name, body) in bodies {
        let path = Path::new("tests/golden").join(format!("entry-v1-{name}.bin"));
        if std::env::var_os("BACKGROUND_SYNC_WRITE_GOLDEN").is_some() {
            std::fs::write(&path, encode_entry(&pair(body)).unwrap()).unwrap();
        }
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(decode_entry(&bytes), Ok(pair(body)), "{name}");
        assert_eq!(encode_entry(&pair(body)), Ok(bytes), "{name}");
    }
}

#[test]
fn damage_is_found() {
    let bytes = encode_entry(&pair(StoredBody::None)).unwrap();
    assert_eq!(decode_entry(&[]), Err(CodecError::Empty));
    assert_eq!(decode_entry(&[9, 1]), Err(CodecError::UnknownVersion(9)));
    for length in 1..bytes.len() {
        assert!(decode_entry(&bytes[..length]).is_err(), "{length}");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(matches!(decode_entry(&longer), Err(CodecError::Damaged(_))));
}

#[test]
fn heads_have_a_limit() {
    let mut long = pair(StoredBody::None);
    long.request.url = format!("https://a.example/{}", "x".repeat(1 << 20));
    assert!(encode_entry(&long).is_err());
}
