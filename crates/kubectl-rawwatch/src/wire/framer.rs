//! Splits the bytes of a stream into whole JSON objects.
//!
//! The API server writes each event on a line of its own, but the end of an event is where its
//! brackets close: something in between may join two lines, or tear one. An object whose first
//! bracket closes at the end of a line, and not earlier, is whole, and costs one fast scan. It is not
//! a torn event with a fresh one after it: the fresh one closes only what it opens, so a bracket or a
//! string of the torn one would stay open. All other objects are scanned and parsed with care.
//!
//! An object that one chunk contains with its newline is not copied.

use memchr::memchr;
use serde::de::IgnoredAny;

use crate::wire::nesting::NestingScan;
use crate::wire::value::{ObjectScan, Torn};

/// The capacity that the buffer keeps after a long line, in bytes.
const KEPT: usize = 64 << 10;

/// Assembles lines.
pub(crate) struct Framer {
    /// The start of an incomplete line. If `is_whole`, the line of the last call.
    buffer: Vec<u8>,
    is_whole: bool,
    scan: Scan,
    max_line_size: usize,
}

/// The scan of the current object.
enum Scan {
    /// The object may end with its first line.
    Fast(NestingScan),
    /// It does not.
    Careful(ObjectScan),
}

impl Default for Scan {
    fn default() -> Self {
        Self::Fast(NestingScan::default())
    }
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
            scan: Scan::default(),
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
        let size = self.buffer.len() + input.len();
        let end = self
            .end_of_line(input)
            .map_err(|Torn| Unusable::Torn(size))?;
        let (line, rest) = input.split_at(end.unwrap_or(input.len()));
        if self.buffer.len() + line.len() + usize::from(end.is_some()) > self.max_line_size {
            return Err(Unusable::TooLong);
        }
        if end.is_none() {
            *input = rest;
            self.buffer.extend_from_slice(line);
            return Ok(None);
        }
        let is_usual = matches!(std::mem::take(&mut self.scan), Scan::Fast(_));
        if is_usual && self.buffer.is_empty() {
            let (line, rest) = input.split_at(line.len() + 1);
            *input = rest;
            return Ok(Some(line));
        }
        *input = rest;
        self.buffer.extend_from_slice(line);
        if !is_usual {
            self.make_one_line()?;
        }
        self.buffer.push(b'\n');
        self.is_whole = true;
        Ok(Some(&self.buffer))
    }

    /// Returns the offset after the end of the current object or line, if the input contains it.
    fn end_of_line(&mut self, input: &[u8]) -> Result<Option<usize>, Torn> {
        let scan = match &mut self.scan {
            Scan::Careful(scan) => return scan.advance(input),
            Scan::Fast(scan) => scan,
        };
        let newline = memchr(b'\n', input);
        if self.buffer.first().or(input.first()) != Some(&b'{') {
            return Ok(newline);
        }
        let end = scan.advance(&input[..newline.unwrap_or(input.len())]);
        if end == newline {
            return Ok(end);
        }
        let mut scan = ObjectScan::default();
        let end = match scan.advance(&self.buffer)? {
            None => scan.advance(input)?,
            Some(_) => return Err(Torn),
        };
        self.scan = Scan::Careful(scan);
        Ok(end)
    }

    /// Checks an object that was scanned with care, and turns it into one line.
    fn make_one_line(&mut self) -> Result<(), Unusable> {
        serde_json::from_slice::<IgnoredAny>(&self.buffer)
            .map_err(|_| Unusable::Torn(self.buffer.len()))?;
        let newlines = self.buffer.iter_mut().filter(|byte| **byte == b'\n');
        newlines.for_each(|byte| *byte = b' ');
        Ok(())
    }

    /// Returns the length of the incomplete line, in bytes.
    pub(crate) fn incomplete_length(&self) -> usize {
        if self.is_whole { 0 } else { self.buffer.len() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::value::RawValue;

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

    /// Returns a random object, compact or on several lines.
    fn random_object(random: &mut fastrand::Rng) -> String {
        let count = random.usize(0..4);
        let members = (0..count).map(|_| (random_string(random), random_value(random, 3)));
        let object = Value::Object(members.collect());
        if random.u8(..4) == 0 {
            format!("{object:#}")
        } else {
            object.to_string()
        }
    }

    fn random_value(random: &mut fastrand::Rng, depth: u32) -> Value {
        let count = if depth == 0 { 0 } else { random.usize(0..4) };
        match random.u8(..6) {
            0 => Value::Null,
            1 => random.i32(..).into(),
            2 | 3 => random_string(random).into(),
            4 => (0..count)
                .map(|_| random_value(random, depth - 1))
                .collect(),
            _ => {
                let members =
                    (0..count).map(|_| (random_string(random), random_value(random, depth - 1)));
                Value::Object(members.collect())
            }
        }
    }

    /// Returns a string of characters that matter to a scanner. It may be longer than its block.
    fn random_string(random: &mut fastrand::Rng) -> String {
        let length = random.usize(0..4) * random.usize(0..12);
        let characters = ['"', '\\', '{', '}', '[', ']', ',', ':', '\n', 'a', 'ä', ' '];
        (0..length)
            .map(|_| *random.choice(&characters).unwrap())
            .collect()
    }

    #[test]
    fn random_objects_are_found_at_every_split_as_serde_finds_them() {
        let mut random = fastrand::Rng::with_seed(2);
        for _ in 0..60 {
            let mut stream = String::new();
            for _ in 0..random.usize(1..5) {
                stream += &random_object(&mut random);
                stream += random.choice(["", "\n", "\n", " ", "\r\n"]).unwrap();
            }
            let objects = serde_json::Deserializer::from_str(&stream).into_iter::<&RawValue>();
            let expected: Vec<Vec<u8>> = objects
                .map(|object| object.unwrap().get().replace('\n', " ") + "\n")
                .map(String::into_bytes)
                .collect();
            for split in 0..=stream.len() {
                let (first, second) = stream.as_bytes().split_at(split);
                let found = lines(&[first, second]);
                assert_eq!(found, Ok((expected.clone(), 0)), "{stream:?} at {split}");
            }
        }
    }

    #[test]
    fn random_objects_that_are_torn_before_another_one_are_never_lines() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..60 {
            let (torn, fresh) = (random_object(&mut random), random_object(&mut random));
            let fresh = fresh.replace('\n', "") + "\n";
            for cut in (1..torn.len()).filter(|cut| torn.is_char_boundary(*cut)) {
                // A torn object on several lines may be noticed one object later.
                let stream = format!("{}{fresh}{fresh}", &torn[..cut]);
                let found = lines(&[stream.as_bytes()]);
                let is_torn = matches!(found, Err(Unusable::Torn(_)));
                assert!(is_torn, "{stream:?}: {found:?}");
            }
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
        assert_eq!(lines(&[newline_in_string]), Err(Unusable::Torn(12)));
        let no_json = b"{\"a\":\n yes}\n";
        assert_eq!(lines(&[no_json]), Err(Unusable::Torn(11)));
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
