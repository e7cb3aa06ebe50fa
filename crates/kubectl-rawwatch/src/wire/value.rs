//! Finds the end of a JSON object that may be torn, one byte at a time.
//!
//! A torn object that is followed by a fresh one is recognized by the bytes before each bracket and
//! string: the fresh object starts where JSON allows none, or its line ends inside the torn one.

/// The scan of one object, which may arrive in pieces.
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
    /// it.
    pub(super) fn advance(&mut self, text: &[u8]) -> Result<Option<usize>, Torn> {
        for (offset, &byte) in text.iter().enumerate() {
            if self.is_in_string {
                self.advance_in_string(byte)?;
            } else if self.advance_outside(byte)? {
                return Ok(Some(offset + 1));
            }
        }
        Ok(None)
    }

    fn advance_in_string(&mut self, byte: u8) -> Result<(), Torn> {
        match byte {
            b'\n' => return Err(Torn),
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = true,
            b'"' => self.is_in_string = false,
            _ => {}
        }
        Ok(())
    }

    /// Scans a byte that is in no string. Returns whether it is the end.
    fn advance_outside(&mut self, byte: u8) -> Result<bool, Torn> {
        let previous = self.previous;
        match byte {
            b'"' if !matches!(previous, b'{' | b'[' | b':' | b',') => return Err(Torn),
            b'"' => self.is_in_string = true,
            b'{' | b'[' if self.depth > 0 && !matches!(previous, b':' | b',' | b'[') => {
                return Err(Torn);
            }
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if self.depth <= 1 => return Ok(true),
            b'}' | b']' => self.depth -= 1,
            // Formatted JSON breaks its first line elsewhere.
            b'\n' if !self.has_newline && previous == b'}' => return Err(Torn),
            b'\n' => self.has_newline = true,
            b'\\' => return Err(Torn),
            _ if byte.is_ascii_alphanumeric() && previous == b'"' => return Err(Torn),
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            self.previous = byte;
        }
        Ok(false)
    }
}
