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
    /// The last byte that is neither white space nor in a string.
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
        let mut offset = 0;
        loop {
            if self.is_in_string {
                let Some(end) = self.end_of_string(text, offset) else {
                    return Ok(None);
                };
                offset = end;
                self.is_in_string = false;
                self.previous = b'"';
            }
            let Some(&byte) = text.get(offset) else {
                return Ok(None);
            };
            offset += 1;
            match byte {
                b'"' if !matches!(self.previous, b'{' | b'[' | b':' | b',') => return Err(Torn),
                b'"' => self.is_in_string = true,
                b'{' | b'[' => {
                    if self.depth > 0 && !matches!(self.previous, b':' | b',' | b'[') {
                        return Err(Torn);
                    }
                    self.depth += 1;
                }
                b'}' | b']' if self.depth == 1 => {
                    *self = Self::default();
                    return Ok(Some(offset));
                }
                b'}' | b']' => self.depth -= 1,
                // Formatted JSON breaks its first line elsewhere.
                b'\n' if self.previous == b'}' && !self.has_newline => return Err(Torn),
                b'\n' => self.has_newline = true,
                b' ' | b'\t' | b'\r' => {}
                _ if self.previous == b'"' && byte.is_ascii_alphanumeric() => return Err(Torn),
                _ => {}
            }
            if !byte.is_ascii_whitespace() {
                self.previous = byte;
            }
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
