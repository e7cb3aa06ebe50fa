//! Splits the bytes of a stream into whole JSON objects.
//!
//! The API server writes each event on a line of its own, but the end of an event is where its
//! brackets close: something in between may join two lines, or tear one. An object that one chunk
//! contains with its newline is not copied.

use memchr::memchr;
use serde::de::IgnoredAny;

use crate::wire::value::ObjectScan;

/// The capacity that the buffer keeps after a long line, in bytes.
const KEPT: usize = 64 << 10;

/// Assembles lines.
pub(crate) struct Framer {
    /// The start of an incomplete line. If `is_whole`, the line of the last call.
    buffer: Vec<u8>,
    is_whole: bool,
    scan: ObjectScan,
    max_line_size: usize,
}

/// Bytes that cannot become a line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unusable {
    /// The line exceeds the limit.
    TooLong,
    /// The line has this many bytes so far, and its rest is missing.
    Torn(usize),
}

impl Framer {
    /// Returns a framer that refuses lines of more than `max_line_size` bytes.
    pub(crate) fn new(max_line_size: usize) -> Self {
        Self {
            buffer: Vec::new(),
            is_whole: false,
            scan: ObjectScan::default(),
            max_line_size,
        }
    }

    /// Returns the next whole object on a line of its own, or a line that is not an object, and
    /// advances `input` past it. If there is none, stores all of the input.
    pub(crate) fn next<'line, 'input: 'line>(
        &'line mut self,
        input: &mut &'input [u8],
    ) -> Result<Option<&'line [u8]>, Unusable> {
        if self.is_whole {
            self.buffer.clear();
            self.buffer.shrink_to(KEPT);
            self.is_whole = false;
        }
        if self.buffer.is_empty() {
            *input = input.trim_ascii_start();
        }
        let end = self.end_of_line(input)?;
        let (line, rest) = input.split_at(end.unwrap_or(input.len()));
        if self.buffer.len() + line.len() + usize::from(end.is_some()) > self.max_line_size {
            return Err(Unusable::TooLong);
        }
        let has_newline = end.is_some() && rest.first() == Some(&b'\n');
        if has_newline && self.buffer.is_empty() && memchr(b'\n', line).is_none() {
            let (line, rest) = input.split_at(line.len() + 1);
            *input = rest;
            return Ok(Some(line));
        }
        *input = rest;
        self.buffer.extend_from_slice(line);
        if end.is_none() {
            return Ok(None);
        }
        self.join_lines()?;
        self.buffer.push(b'\n');
        self.is_whole = true;
        Ok(Some(&self.buffer))
    }

    /// Returns the offset after the end of the current object or line, if the input contains it.
    fn end_of_line(&mut self, input: &[u8]) -> Result<Option<usize>, Unusable> {
        if self.buffer.first().or(input.first()) != Some(&b'{') {
            return Ok(memchr(b'\n', input));
        }
        let size = self.buffer.len() + input.len();
        self.scan.advance(input).map_err(|_| Unusable::Torn(size))
    }

    /// Turns an object on several lines into one line. A newline in a string is not JSON.
    fn join_lines(&mut self) -> Result<(), Unusable> {
        if memchr(b'\n', &self.buffer).is_some() {
            serde_json::from_slice::<IgnoredAny>(&self.buffer)
                .map_err(|_| Unusable::Torn(self.buffer.len()))?;
            let newlines = self.buffer.iter_mut().filter(|byte| **byte == b'\n');
            newlines.for_each(|byte| *byte = b' ');
        }
        Ok(())
    }

    /// Returns the length of the incomplete line, in bytes.
    pub(crate) fn incomplete_length(&self) -> usize {
        if self.is_whole { 0 } else { self.buffer.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns all lines of a stream that arrives in these pieces, and the length of the incomplete
    /// line.
    fn lines(pieces: &[&[u8]]) -> Result<(Vec<Vec<u8>>, usize), Unusable> {
        let mut framer = Framer::new(1 << 20);
        let mut lines = Vec::new();
        for mut piece in pieces.iter().copied() {
            while let Some(line) = framer.next(&mut piece)? {
                lines.push(line.to_vec());
            }
            assert!(piece.is_empty());
        }
        Ok((lines, framer.incomplete_length()))
    }

    const STREAM: &[u8] =
        b"{\"type\":\"ADDED\"}\n\n{\"a\":\"\\n\\\\\"}{\"b\":\"\xff\\\"\"}\nno\n{\"torn";

    #[test]
    fn every_split_of_a_stream_gives_the_same_lines() {
        let whole = lines(&[STREAM]).unwrap();
        assert_eq!(whole.0.len(), 4);
        assert_eq!(whole.1, 6);
        for first in 0..=STREAM.len() {
            for second in first..=STREAM.len() {
                let pieces = [&STREAM[..first], &STREAM[first..second], &STREAM[second..]];
                assert_eq!(
                    lines(&pieces).as_ref(),
                    Ok(&whole),
                    "split at {first} and {second}"
                );
            }
        }
        let bytes: Vec<&[u8]> = STREAM.chunks(1).collect();
        assert_eq!(lines(&bytes), Ok(whole));
    }

    /// Events with everything that matters to a scanner.
    const EVENTS: [&str; 5] = [
        r#"{"type":"ADDED","object":{"metadata":{"name":"a","labels":{}},"list":[1,[],{},null]}}"#,
        r#"{"type":"MODIFIED","object":{"a":"}{","b":"\"","c":"\\","d":"{\"type\":\"ADDED\"}"}}"#,
        r#"{"object":{"n":-1.5e3,"t":true,"items":[{"x":[{}]},"s"]},"type":"DELETED"}"#,
        r#"{ "type" : "BOOKMARK" , "object" : { "m" : [ 1 , { } ] } }"#,
        r#"{"e":"ä\u00e4\n","":{}}"#,
    ];

    #[test]
    fn events_are_found_with_any_separators_and_in_any_pieces() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..2000 {
            let (mut stream, mut expected) = (Vec::new(), Vec::new());
            for _ in 0..random.usize(1..6) {
                let event = random.choice(EVENTS).unwrap();
                stream.extend_from_slice(event.as_bytes());
                let separator = random.choice(["", "", "\n", "\n\n", " ", "\r\n"]).unwrap();
                stream.extend_from_slice(separator.as_bytes());
                expected.push(format!("{event}\n").into_bytes());
            }
            let mut pieces = Vec::new();
            let mut rest = stream.as_slice();
            while !rest.is_empty() {
                let (piece, more) = rest.split_at(random.usize(1..=rest.len().min(40)));
                pieces.push(piece);
                rest = more;
            }
            let text = String::from_utf8_lossy(&stream);
            assert_eq!(lines(&pieces), Ok((expected, 0)), "{text}");
        }
    }

    #[test]
    fn a_torn_event_before_a_fresh_one_is_never_a_line() {
        for torn in EVENTS {
            for fresh in &EVENTS[..4] {
                for cut in (1..torn.len()).filter(|cut| torn.is_char_boundary(*cut)) {
                    let stream = format!("{}{fresh}\n", &torn[..cut]);
                    let found = lines(&[stream.as_bytes()]);
                    let is_torn = matches!(found, Err(Unusable::Torn(_)));
                    assert!(is_torn, "{stream}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn an_object_on_several_lines_becomes_one_line() {
        let formatted = "{\n  \"a\": {\n    \"b\": []\n  },\n  \"c\": 1\n}\n";
        let line = formatted.trim_end().replace('\n', " ") + "\n";
        assert_eq!(
            lines(&[formatted.as_bytes()]),
            Ok((vec![line.into_bytes()], 0))
        );
        let newline_in_string = b"{\"a\":\"b\nc\"}\n";
        assert_eq!(lines(&[newline_in_string]), Err(Unusable::Torn(11)));
    }

    #[test]
    fn a_stream_cut_anywhere_gives_only_whole_lines() {
        let (whole, _) = lines(&[STREAM]).unwrap();
        for cut in 0..=STREAM.len() {
            let (some, _) = lines(&[&STREAM[..cut]]).unwrap();
            assert_eq!(some, whole[..some.len()], "cut at {cut}");
        }
    }

    #[test]
    fn a_line_within_one_chunk_is_not_copied() {
        let mut framer = Framer::new(100);
        let mut input = STREAM;
        let line = framer.next(&mut input).unwrap().unwrap();
        assert_eq!(line.as_ptr(), STREAM.as_ptr());
    }

    #[test]
    fn a_line_over_the_limit_is_refused_before_its_end() {
        let mut framer = Framer::new(8);
        assert_eq!(
            framer.next(&mut b"{\"a\":1}\n".as_slice()),
            Ok(Some(b"{\"a\":1}\n".as_slice()))
        );
        assert_eq!(framer.next(&mut b"{\"a\":".as_slice()), Ok(None));
        assert_eq!(
            framer.next(&mut b"\"678".as_slice()),
            Err(Unusable::TooLong)
        );
    }
}
