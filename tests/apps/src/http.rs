//! Requests of browsers, as far as the apps send them.

use std::io::{self, BufRead, Read};

/// The longest line, and the longest body, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// A request.
#[derive(Debug, Default, PartialEq)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// Its path, without the query.
    pub path: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// Reads the next request; `None` if there is none.
///
/// # Errors
/// If the connection ends in the middle of one, or what comes is none.
pub fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let line = read_line(reader)?;
    let mut words = line.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let path = target.split('?').next().unwrap_or_default();
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        body: Vec::new(),
    };
    let mut length = 0;
    let mut is_chunked = false;
    loop {
        let line = read_line(reader)?.to_ascii_lowercase();
        match line.split_once(':') {
            Some(("content-length", value)) => length = value.trim().parse().unwrap_or(0),
            Some(("transfer-encoding", _)) => is_chunked = true,
            Some(_) => {}
            None => break,
        }
    }
    if is_chunked {
        request.body = read_chunks(reader)?;
    } else {
        request.body = read_bytes(reader, length)?;
    }
    Ok(Some(request))
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let length = u64::from_str_radix(read_line(reader)?.trim(), 16).unwrap_or(0);
        body.extend(read_bytes(reader, length)?);
        read_line(reader)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

fn read_bytes(reader: &mut impl BufRead, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = reader.take(length.min(MAX_BYTES)).read_to_end(&mut bytes)?;
    match u64::try_from(read) == Ok(length) {
        true => Ok(bytes),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Without its end.
fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    reader.take(MAX_BYTES).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_follow_each_other_with_bodies_of_both_kinds() {
        let mut text: &[u8] = b"POST /m?x=1 HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}\
            POST /n HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n";
        for path in ["/m", "/n"] {
            let request = read_request(&mut text).expect("whole").expect("there");
            assert_eq!(request.path, path);
            assert_eq!(request.body, b"{}");
        }
        assert_eq!(read_request(&mut text).expect("the end"), None);
        let mut cut: &[u8] = b"POST /m HTTP/1.1\r\nContent-Length: 9\r\n\r\n{}";
        assert!(read_request(&mut cut).is_err());
    }
}
