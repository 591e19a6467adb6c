//! Which part of an object does `Range` ask for?

use super::error::S3Error;

/// A part of an object, from its first byte to before its end.
#[derive(Debug, PartialEq)]
pub(super) struct Span {
    pub(super) first: usize,
    pub(super) end: usize,
}

/// `None` for a header that S3 ignores: another unit, several ranges, or nonsense.
pub(super) fn parse_range(range: &str, size: usize) -> Result<Option<Span>, S3Error> {
    let Some((from, to)) = range.strip_prefix("bytes=").and_then(|span| span.split_once('-')) else {
        return Ok(None);
    };
    let span = match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => Span { first, end: last.saturating_add(1).min(size) },
        (Ok(first), Err(_)) if to.is_empty() => Span { first, end: size },
        (Err(_), Ok(length)) if from.is_empty() => Span { first: size.saturating_sub(length), end: size },
        _ => return Ok(None),
    };
    if span.first < span.end { Ok(Some(span)) } else { Err(S3Error::invalid_range(range, size)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_forms_and_ignores_the_rest() {
        let parsed = |range| parse_range(range, 10).unwrap();
        assert_eq!(parsed("bytes=2-4"), Some(Span { first: 2, end: 5 }));
        assert_eq!(parsed("bytes=2-400"), Some(Span { first: 2, end: 10 }));
        assert_eq!(parsed("bytes=7-"), Some(Span { first: 7, end: 10 }));
        assert_eq!(parsed("bytes=-3"), Some(Span { first: 7, end: 10 }));
        assert_eq!(parsed("bytes=-30"), Some(Span { first: 0, end: 10 }));
        for ignored in ["bytes=4-2", "bytes=0-1,3-4", "items=0-1", "bytes=-"] {
            assert_eq!(parsed(ignored), None, "{ignored}");
        }
    }

    #[test]
    fn refuses_a_range_behind_the_end() {
        for range in ["bytes=10-", "bytes=10-12", "bytes=-0"] {
            assert_eq!(parse_range(range, 10).unwrap_err().code, "InvalidRange", "{range}");
        }
    }
}
