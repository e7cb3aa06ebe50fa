//! Finds the end of a JSON object that arrives in pieces.
//!
//! Only strings and brackets matter, so that an event costs one pass. A torn event that is followed
//! by a fresh one is recognized by the bytes before each bracket and string: the fresh event starts
//! where JSON allows no object, or its line ends inside the torn one.

use crate::wire::json::end_of_string;

/// The scan of one object.
#[derive(Debug, Default)]
pub(super) struct ObjectScan {
    depth: usize,
    is_in_string: bool,
    /// Whether the last byte, in a string, escapes the next one.
    is_escaped: bool,
    /// The last byte of the earlier pieces that is neither white space nor in a string.
    previous: u8,
    /// Whether the object continues after a newline.
    has_newline: bool,
}

/// An object whose rest is missing.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Torn;

impl ObjectScan {
    /// Scans the next piece. Returns the offset after the end of the object, if the piece contains
    /// it; the next scan then starts a new object.
    pub(super) fn advance(&mut self, text: &[u8]) -> Result<Option<usize>, Torn> {
        // Local variables are faster than members.
        let mut depth = self.depth;
        let mut offset = 0;
        if self.is_in_string {
            let Some(end) = self.end_of_strings(text, offset) else {
                return Ok(None);
            };
            offset = end;
        }
        while let Some(&byte) = text.get(offset) {
            match byte {
                b'"' => {
                    if !matches!(self.before(text, offset), b'{' | b'[' | b':' | b',') {
                        return Err(Torn);
                    }
                    let Some(end) = self.end_of_strings(text, offset + 1) else {
                        self.depth = depth;
                        return Ok(None);
                    };
                    offset = end;
                    continue;
                }
                b'{' | b'[' => {
                    if depth > 0 && !matches!(self.before(text, offset), b':' | b',' | b'[') {
                        return Err(Torn);
                    }
                    depth += 1;
                }
                b'}' | b']' if depth == 1 => {
                    *self = Self::default();
                    return Ok(Some(offset + 1));
                }
                b'}' | b']' => depth -= 1,
                // Formatted JSON breaks its first line elsewhere.
                b'\n' if !self.has_newline && self.before(text, offset) == b'}' => {
                    return Err(Torn);
                }
                b'\n' => self.has_newline = true,
                b':' | b',' | b' ' | b'\t' | b'\r' => {}
                _ if byte.is_ascii_alphanumeric() && self.before(text, offset) == b'"' => {
                    return Err(Torn);
                }
                _ => {}
            }
            offset += 1;
        }
        self.depth = depth;
        self.previous = self.before(text, offset);
        Ok(None)
    }

    /// Returns the last byte before an offset outside of strings that is not white space.
    fn before(&self, text: &[u8], offset: usize) -> u8 {
        let mut bytes = text[..offset].iter().rev();
        let last = bytes.find(|byte| !byte.is_ascii_whitespace());
        last.copied().unwrap_or(self.previous)
    }

    /// Returns the offset after the closing quote of the current string, and of those that follow it
    /// after a colon or a comma: most strings do.
    fn end_of_strings(&mut self, text: &[u8], mut offset: usize) -> Option<usize> {
        self.is_in_string = true;
        loop {
            let end = self.end_of_string(text, offset)?;
            if !matches!(text.get(end..end + 2), Some(b":\"" | b",\"")) {
                self.is_in_string = false;
                return Some(end);
            }
            offset = end + 2;
        }
    }

    /// Returns the offset after the closing quote of the current string.
    fn end_of_string(&mut self, text: &[u8], offset: usize) -> Option<usize> {
        let start = offset + usize::from(self.is_escaped);
        let end = text.get(start..).and_then(|_| end_of_string(text, start));
        if end.is_none() {
            let rest = text.get(start..).unwrap_or_default().iter();
            let backslashes = rest.rev().take_while(|byte| **byte == b'\\').count();
            self.is_escaped = backslashes % 2 == 1 || text.is_empty() && self.is_escaped;
        } else {
            self.is_escaped = false;
        }
        end
    }
}
