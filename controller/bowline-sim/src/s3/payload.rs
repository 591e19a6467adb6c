//! What did the client send? The body out of its aws-chunked framing, with its checksums verified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use md5::{Digest, Md5};

use super::S3Request;
use super::checksum::{Algorithm, Checksum};
use super::error::S3Error;

/// A body that arrived whole.
pub(super) struct Payload {
    pub(super) bytes: Bytes,
    /// As the client sent it, in a header or a trailer; otherwise the one that S3 computes by itself.
    pub(super) checksum: Checksum,
}

impl Payload {
    /// Unwraps and verifies the body of a request.
    pub(super) fn read(request: &S3Request) -> Result<Self, S3Error> {
        let (bytes, trailers) = if is_chunked(request) {
            let (bytes, trailers) = unchunk(&request.body).ok_or_else(S3Error::incomplete_body)?;
            let announced = request.header("x-amz-decoded-content-length");
            if announced.is_some_and(|length| length != bytes.len().to_string()) {
                return Err(S3Error::incomplete_body());
            }
            (bytes, trailers)
        } else {
            (request.body.clone(), Vec::new())
        };
        verify_md5(request, &bytes)?;
        let sent = |algorithm: Algorithm| {
            let in_trailer = trailers.iter().find(|(name, _)| name == algorithm.header());
            request.header(algorithm.header()).or(in_trailer.map(|(_, value)| value.as_str()))
        };
        for algorithm in Algorithm::ALL {
            let Some(value) = sent(algorithm) else { continue };
            if algorithm.compute(&bytes).is_some_and(|computed| computed != value) {
                return Err(S3Error::bad_digest(algorithm.name()));
            }
            let checksum = Checksum { algorithm, value: value.to_owned() };
            return Ok(Self { bytes, checksum });
        }
        let algorithm = Algorithm::Crc64Nvme;
        let value = algorithm.compute(&bytes).unwrap_or_default();
        Ok(Self { bytes, checksum: Checksum { algorithm, value } })
    }
}

fn is_chunked(request: &S3Request) -> bool {
    request.header("x-amz-content-sha256").is_some_and(|value| value.starts_with("STREAMING-"))
        || request.header("content-encoding").is_some_and(|value| value.contains("aws-chunked"))
}

fn verify_md5(request: &S3Request, bytes: &[u8]) -> Result<(), S3Error> {
    let Some(sent) = request.header("content-md5") else { return Ok(()) };
    let sent = STANDARD.decode(sent).ok().filter(|digest| digest.len() == 16);
    let sent = sent.ok_or_else(S3Error::invalid_digest)?;
    if sent == Md5::digest(bytes).as_slice() { Ok(()) } else { Err(S3Error::bad_digest("Content-MD5")) }
}

/// Trailers by lower-case name.
type Trailers = Vec<(String, String)>;

/// Takes `size[;chunk-signature=...]\r\n bytes \r\n ... 0\r\n name:value\r\n ... \r\n` apart; `None` if it is cut off.
fn unchunk(mut framed: &[u8]) -> Option<(Bytes, Trailers)> {
    let mut bytes = BytesMut::new();
    loop {
        let (line, rest) = split_line(framed)?;
        let size = line.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some((bytes.freeze(), read_trailers(rest)));
        }
        bytes.extend_from_slice(rest.get(..size)?);
        framed = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

fn read_trailers(mut rest: &[u8]) -> Trailers {
    let mut trailers = Vec::new();
    while let Some((line, next)) = split_line(rest) {
        if let Some((name, value)) = line.split_once(':') {
            trailers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        rest = next;
    }
    trailers
}

fn split_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let line = std::str::from_utf8(bytes.get(..end)?).ok()?;
    Some((line, bytes.get(end + 2..)?))
}

/// The digest of some bytes as hexadecimal text.
pub(super) fn md5_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// Bytes as hexadecimal text.
pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|half| DIGITS[usize::from(half)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_signed_chunks_and_trailers_apart() {
        let framed =
            b"5;chunk-signature=ab\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";
        let (bytes, trailers) = unchunk(framed).unwrap();
        assert_eq!(bytes, Bytes::from_static(b"hello world"));
        assert_eq!(trailers, [("x-amz-checksum-crc32".to_owned(), "DUoRhQ==".to_owned())]);
    }

    #[test]
    fn refuses_a_body_that_was_cut_off() {
        assert!(unchunk(b"5\r\nhel").is_none());
        assert!(unchunk(b"5\r\nhello\r\n").is_none());
        assert!(unchunk(b"").is_none());
    }
}
