//! Splits the bytes of a stream into whole lines.
//!
//! The API server writes one JSON value per line, and JSON contains no raw newline inside a value.
//! So a newline ends a value, and a value without a newline is incomplete. A line that one chunk
//! contains is not copied.

use memchr::memchr;

/// The capacity that the buffer keeps after a long line, in bytes.
const KEPT: usize = 64 << 10;

/// Assembles lines.
pub(crate) struct Framer {
    /// The start of an incomplete line. If `is_whole`, the line of the last call.
    buffer: Vec<u8>,
    is_whole: bool,
    max_line_size: usize,
}

/// A line that exceeds the limit.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Framer {
    /// Returns a framer that refuses lines of more than `max_line_size` bytes.
    pub(crate) fn new(max_line_size: usize) -> Self {
        Self {
            buffer: Vec::new(),
            is_whole: false,
            max_line_size,
        }
    }

    /// Returns the next whole line with its newline, and advances `input` past it. If there is
    /// none, stores all of the input.
    pub(crate) fn next<'line, 'input: 'line>(
        &'line mut self,
        input: &mut &'input [u8],
    ) -> Result<Option<&'line [u8]>, TooLong> {
        if self.is_whole {
            self.buffer.clear();
            self.buffer.shrink_to(KEPT);
            self.is_whole = false;
        }
        let end = memchr(b'\n', input).map(|newline| newline + 1);
        let (line, rest) = input.split_at(end.unwrap_or(input.len()));
        *input = rest;
        if self.buffer.len() + line.len() > self.max_line_size {
            return Err(TooLong);
        }
        if end.is_some() && self.buffer.is_empty() {
            return Ok(Some(line));
        }
        self.buffer.extend_from_slice(line);
        self.is_whole = end.is_some();
        Ok(self.is_whole.then_some(self.buffer.as_slice()))
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
    fn lines(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, usize) {
        let mut framer = Framer::new(1 << 20);
        let mut lines = Vec::new();
        for mut piece in pieces.iter().copied() {
            while let Some(line) = framer.next(&mut piece).unwrap() {
                lines.push(line.to_vec());
            }
            assert!(piece.is_empty());
        }
        (lines, framer.incomplete_length())
    }

    const STREAM: &[u8] = b"{\"type\":\"ADDED\"}\n\n{\"a\":\"\\n\"}\n{\"b\":\"\xff\"}\n{\"torn";

    #[test]
    fn every_split_of_a_stream_gives_the_same_lines() {
        let whole = lines(&[STREAM]);
        assert_eq!(whole.0.len(), 4);
        assert_eq!(whole.1, 6);
        for first in 0..=STREAM.len() {
            for second in first..=STREAM.len() {
                let pieces = [&STREAM[..first], &STREAM[first..second], &STREAM[second..]];
                assert_eq!(lines(&pieces), whole, "split at {first} and {second}");
            }
        }
        let bytes: Vec<&[u8]> = STREAM.chunks(1).collect();
        assert_eq!(lines(&bytes), whole);
    }

    #[test]
    fn a_stream_cut_anywhere_gives_only_whole_lines() {
        let (whole, _) = lines(&[STREAM]);
        for cut in 0..=STREAM.len() {
            let (some, incomplete_length) = lines(&[&STREAM[..cut]]);
            assert_eq!(some, whole[..some.len()], "cut at {cut}");
            assert_eq!(some.concat().len() + incomplete_length, cut);
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
            framer.next(&mut b"1234567\n".as_slice()),
            Ok(Some(b"1234567\n".as_slice()))
        );
        assert_eq!(framer.next(&mut b"12345".as_slice()), Ok(None));
        assert_eq!(framer.next(&mut b"6789".as_slice()), Err(TooLong));
    }
}
