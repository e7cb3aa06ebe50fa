//! Finds the end of an object or array by its brackets, 64 bytes at a time.
//!
//! Each block of text becomes bit masks with one bit per byte, as in simdjson. So most blocks are
//! passed without a look at a single byte.

use wide::u8x64;

const BLOCK: usize = 64;
/// The bits of the bytes with odd offsets.
const ODD: u64 = u64::MAX / 3 * 2;

/// The scan of one object or array, which may arrive in pieces. Nothing but strings and brackets is
/// looked at: the text may be invalid JSON.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NestingScan {
    depth: usize,
    /// All bits inside a string, none outside.
    string: u64,
    /// 1 after a backslash that escapes the next byte, else 0.
    escape: u64,
}

impl NestingScan {
    /// Scans the next piece. Returns the offset after the closing bracket, if the piece contains it.
    pub(super) fn advance(&mut self, text: &[u8]) -> Option<usize> {
        let (blocks, rest) = text.as_chunks();
        // A local variable is faster than members.
        let mut scan = *self;
        for (index, block) in blocks.iter().enumerate() {
            if let Some(end) = scan.advance_block(block, BLOCK) {
                return Some(index * BLOCK + end);
            }
        }
        let mut block = [b' '; BLOCK];
        block[..rest.len()].copy_from_slice(rest);
        let end = scan.advance_block(&block, rest.len());
        *self = scan;
        end.map(|end| blocks.len() * BLOCK + end)
    }

    /// Scans a block whose first `length` bytes belong to the text.
    #[inline]
    fn advance_block(&mut self, block: &[u8; BLOCK], length: usize) -> Option<usize> {
        let block = u8x64::new(*block);
        let escaped = self.escaped(positions(block, b'\\'), length);
        let quotes = positions(block, b'"') & !escaped;
        let strings = parities(quotes) ^ self.string;
        self.string = if strings >> (BLOCK - 1) == 1 {
            u64::MAX
        } else {
            0
        };
        // A brace differs from a bracket in this bit.
        let braces = block | u8x64::splat(b'{' ^ b'[');
        let opening = positions(braces, b'{') & !strings;
        let closing = positions(braces, b'}') & !strings;
        let closed = closing.count_ones() as usize;
        if self.depth <= closed {
            return self.count_each(opening, closing);
        }
        self.depth = self.depth + opening.count_ones() as usize - closed;
        None
    }

    /// Counts the brackets of a block that may be the last one, in their order.
    fn count_each(&mut self, opening: u64, closing: u64) -> Option<usize> {
        let mut brackets = opening | closing;
        while brackets != 0 {
            let offset = brackets.trailing_zeros();
            brackets &= brackets - 1;
            if opening >> offset & 1 == 1 {
                self.depth += 1;
            } else if self.depth > 1 {
                self.depth -= 1;
            } else {
                return Some(offset as usize + 1);
            }
        }
        None
    }

    /// Returns the positions of escaped bytes. In a run of backslashes, every other one is escaped: a
    /// subtraction carries through a run, and so tells where it ends.
    #[inline]
    fn escaped(&mut self, backslashes: u64, length: usize) -> u64 {
        if backslashes | self.escape == 0 {
            return 0;
        }
        let unescaped = backslashes & !self.escape;
        let after = (unescaped << 1 | ODD).wrapping_sub(unescaped) ^ ODD;
        let escaped = after ^ (backslashes | self.escape);
        self.escape = if length == BLOCK {
            (after & backslashes) >> (BLOCK - 1)
        } else {
            escaped >> length & 1
        };
        escaped
    }
}

/// Returns the positions of a byte.
#[inline]
fn positions(block: u8x64, byte: u8) -> u64 {
    block.simd_eq(u8x64::splat(byte)).to_bitmask()
}

/// Returns, for each bit, whether the number of bits up to it is odd.
#[inline]
fn parities(mut bits: u64) -> u64 {
    for distance in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << distance;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds the end one byte at a time.
    fn slow_end(text: &[u8]) -> Option<usize> {
        let (mut depth, mut is_in_string, mut is_escaped) = (0, false, false);
        for (offset, byte) in text.iter().enumerate() {
            match byte {
                b'"' if is_escaped => {}
                b'"' => is_in_string = !is_in_string,
                _ if is_in_string => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth <= 1 => return Some(offset + 1),
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            is_escaped = *byte == b'\\' && !is_escaped;
        }
        None
    }

    #[test]
    fn any_bytes_in_any_pieces_end_where_a_simple_scan_ends() {
        let mut random = fastrand::Rng::with_seed(1);
        for round in 0..20_000 {
            // Brackets are rarer in some rounds, so that some texts end late.
            let alphabet: &[u8] = [&b"\\\\\"{}[]a"[..], b"\\\"{[{[}]aaa", b"\\\\\\\"a"][round % 3];
            let length = random.usize(0..400);
            let mut text = vec![b'{'];
            text.extend((0..length).map(|_| *random.choice(alphabet).unwrap()));
            let mut scan = NestingScan::default();
            let (mut rest, mut found) = (text.as_slice(), None);
            while found.is_none() && !rest.is_empty() {
                let (piece, more) = rest.split_at(random.usize(1..=rest.len()));
                let before = text.len() - rest.len();
                found = scan.advance(piece).map(|end| before + end);
                rest = more;
            }
            let shown = String::from_utf8_lossy(&text);
            assert_eq!(found, slow_end(&text), "{shown}");
        }
    }
}
