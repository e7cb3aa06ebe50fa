//! A scanner that finds a few strings in JSON text and skips the rest.
//!
//! Events are printed unchanged, so only the path to `metadata` is scanned, without copies and
//! without a tree. Strings are returned raw, with their escapes, because they are compared or
//! written back into JSON.

use crate::wire::nesting::NestingScan;

/// The reason why a scan stopped before the end of the text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    /// The text is not JSON, or does not have the expected form.
    Malformed,
    /// The caller has found enough.
    Enough,
}

/// A position in JSON text.
pub(crate) struct Scanner<'a> {
    text: &'a [u8],
    offset: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, offset: 0 }
    }

    /// Returns the next byte that is not white space.
    fn peek(&mut self) -> Result<u8, Halt> {
        while let Some(byte) = self.text.get(self.offset) {
            if !byte.is_ascii_whitespace() {
                return Ok(*byte);
            }
            self.offset += 1;
        }
        Err(Halt::Malformed)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Halt> {
        if self.peek()? != byte {
            return Err(Halt::Malformed);
        }
        self.offset += 1;
        Ok(())
    }

    /// Visits the members of an object. `member` gets each name, and must consume the value.
    pub(crate) fn members(
        &mut self,
        mut member: impl FnMut(&'a str, &mut Self) -> Result<(), Halt>,
    ) -> Result<(), Halt> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.offset += 1;
            return Ok(());
        }
        loop {
            let name = self.string()?;
            self.expect(b':')?;
            member(name, self)?;
            match self.peek()? {
                b',' => self.offset += 1,
                b'}' => {
                    self.offset += 1;
                    return Ok(());
                }
                _ => return Err(Halt::Malformed),
            }
        }
    }

    /// Visits the items of an array. `item` must consume each one.
    pub(crate) fn items(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), Halt>,
    ) -> Result<(), Halt> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.offset += 1;
            return Ok(());
        }
        loop {
            item(self)?;
            match self.peek()? {
                b',' => self.offset += 1,
                b']' => {
                    self.offset += 1;
                    return Ok(());
                }
                _ => return Err(Halt::Malformed),
            }
        }
    }

    /// Reads the content of a string.
    pub(crate) fn string(&mut self) -> Result<&'a str, Halt> {
        str::from_utf8(self.raw_string()?).map_err(|_| Halt::Malformed)
    }

    fn raw_string(&mut self) -> Result<&'a [u8], Halt> {
        self.expect(b'"')?;
        let start = self.offset;
        self.offset = end_of_string(self.text, start).ok_or(Halt::Malformed)?;
        Ok(&self.text[start..self.offset - 1])
    }

    /// Skips a value of any kind.
    pub(crate) fn skip(&mut self) -> Result<(), Halt> {
        match self.peek()? {
            b'"' => self.raw_string().map(drop),
            b'{' | b'[' => self.skip_nested(),
            byte if byte.is_ascii_alphanumeric() || byte == b'-' => {
                self.skip_scalar();
                Ok(())
            }
            _ => Err(Halt::Malformed),
        }
    }

    /// Skips an object or an array.
    fn skip_nested(&mut self) -> Result<(), Halt> {
        let end = NestingScan::default().advance(&self.text[self.offset..]);
        self.offset += end.ok_or(Halt::Malformed)?;
        Ok(())
    }

    /// Skips a number, `true`, `false` or `null`.
    fn skip_scalar(&mut self) {
        let rest = &self.text[self.offset..];
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        self.offset += rest
            .iter()
            .position(|byte| !is_word(byte))
            .unwrap_or(rest.len());
    }
}

/// Returns the offset after the closing quote of a string whose content starts at `offset`.
fn end_of_string(text: &[u8], mut offset: usize) -> Option<usize> {
    loop {
        let found = offset + find_quote_or_backslash(text.get(offset..)?)?;
        if text[found] == b'"' {
            return Some(found + 1);
        }
        offset = found + 2;
    }
}

/// Finds the first quote or backslash. Most strings are short names, so checking eight bytes at a
/// time is faster than a vectorized search.
fn find_quote_or_backslash(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    for (offset, bytes) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*bytes);
        let found = zeros(word ^ QUOTES) | zeros(word ^ BACKSLASHES);
        if found != 0 {
            return Some(offset * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
    Some(words.len() * 8 + found)
}

const ONES: u64 = u64::from_ne_bytes([1; 8]);
const QUOTES: u64 = ONES * b'"' as u64;
const BACKSLASHES: u64 = ONES * b'\\' as u64;

/// Sets the highest bit of the first zero byte, and maybe of later bytes.
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & (ONES << 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds the string member `name` after members of every kind.
    fn find<'a>(text: &'a str, wanted: &str) -> Result<Option<&'a str>, Halt> {
        let mut found = None;
        Scanner::new(text.as_bytes()).members(|name, value| {
            if name == wanted {
                found = Some(value.string()?);
                Ok(())
            } else {
                value.skip()
            }
        })?;
        Ok(found)
    }

    #[test]
    fn a_member_is_found_after_values_of_every_kind() {
        let text = r#" { "a" : {"x":[1,-2.5e+3,{"y":"}"}],"z":"\"{\\"}, "b":null,"c":[true,[]], "d":"\\", "want" : "a\/b" , "e":{} } "#;
        assert_eq!(find(text, "want"), Ok(Some(r"a\/b")));
        assert_eq!(find("{}", "want"), Ok(None));
    }

    #[test]
    fn truncated_json_is_malformed() {
        let text = r#"{"a":{"x":[1,{"y":"}"}],"z":"\"{\\"},"want":"v"}"#;
        for cut in 0..text.len() {
            assert_eq!(find(&text[..cut], "want"), Err(Halt::Malformed), "{cut}");
        }
    }

    #[test]
    fn arbitrary_bytes_cause_neither_a_panic_nor_a_loop() {
        let alphabet = br#"{}[]":,\a1- "#;
        let mut seed = 1_u64;
        for _ in 0..20_000 {
            let text: Vec<u8> = (0..12)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    alphabet[(seed >> 33) as usize % alphabet.len()]
                })
                .collect();
            let mut scanner = Scanner::new(&text);
            let result = scanner.skip();
            if serde_json::from_slice::<serde_json::Value>(text.trim_ascii()).is_ok() {
                assert_eq!(result, Ok(()), "{}", String::from_utf8_lossy(&text));
            }
        }
    }
}
