//! Quoted text in a template. Go's escapes apply in single quotes, too.

/// Resolves the escapes in a quoted text. Returns `None` for an invalid escape. As in Go, only the
/// kind of quote that encloses the text may be escaped.
pub(super) fn unescape(inside: &str, quote: char) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        if character == quote {
            return None;
        } else if character == '\\' {
            rest = escape(rest, quote, &mut bytes)?;
        } else {
            push(character, &mut bytes);
        }
    }
    Some(bytes)
}

/// Appends the bytes of the escape that follows a backslash, and returns the text after it.
fn escape<'text>(text: &'text str, quote: char, bytes: &mut Vec<u8>) -> Option<&'text str> {
    let kind = text.chars().next()?;
    let rest = &text[kind.len_utf8()..];
    let simple = match kind {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '\'' if quote == '\'' => b'\'',
        '"' if quote == '"' => b'"',
        'x' => u8::try_from(number(rest.get(..2)?, 16)?).ok()?,
        '0'..='7' => u8::try_from(number(text.get(..3)?, 8)?).ok()?,
        'u' => {
            push(char::from_u32(number(rest.get(..4)?, 16)?)?, bytes);
            return Some(&rest[4..]);
        }
        'U' => {
            push(char::from_u32(number(rest.get(..8)?, 16)?)?, bytes);
            return Some(&rest[8..]);
        }
        _ => return None,
    };
    bytes.push(simple);
    Some(match kind {
        'x' | '0'..='7' => &rest[2..],
        _ => rest,
    })
}

/// Parses a number of digits only, without a sign.
fn number(digits: &str, radix: u32) -> Option<u32> {
    let all_digits = digits.chars().all(|digit| digit.is_digit(radix));
    all_digits.then(|| u32::from_str_radix(digits, radix).ok())?
}

fn push(character: char, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}
