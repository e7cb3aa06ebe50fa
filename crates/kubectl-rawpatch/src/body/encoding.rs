//! Decodes the text of a patch.

use std::borrow::Cow;

use super::{Error, Result};

/// Returns the text without its byte order mark.
///
/// The text is UTF-8, or UTF-16 if its byte order mark says so: PowerShell's `>` writes that, and
/// `kubectl patch --patch-file` reads it, too.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => from_utf16(rest, u16::from_le_bytes).map(Cow::Owned),
        [0xfe, 0xff, rest @ ..] => from_utf16(rest, u16::from_be_bytes).map(Cow::Owned),
        _ => {
            let text = std::str::from_utf8(bytes).map_err(|error| {
                Error::usage(format!(
                    "the patch is not UTF-8 at byte {}",
                    error.valid_up_to()
                ))
                .with_hint("save the patch as UTF-8, and encode binary data as base64")
            })?;
            if let Some(offset) = text.find('\0') {
                return Err(
                    Error::usage(format!("the patch has a NUL byte at byte {offset}"))
                        .with_hint("save the patch as UTF-8, or as UTF-16 with a byte order mark"),
                );
            }
            Ok(text.strip_prefix('\u{feff}').unwrap_or(text).into())
        }
    }
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String> {
    let (units, rest) = bytes.as_chunks();
    let text = char::decode_utf16(units.iter().copied().map(unit)).collect();
    match text {
        Ok(text) if rest.is_empty() => Ok(text),
        _ => Err(Error::usage("the patch is not valid UTF-16").with_hint("save it as UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf16_is_recognized_by_its_byte_order_mark() {
        let text = "{\"a\":\"ü😀\"}";
        let units = || "\u{feff}".encode_utf16().chain(text.encode_utf16());
        let little: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = units().flat_map(u16::to_be_bytes).collect();
        let with_mark = format!("\u{feff}{text}");
        for bytes in [&little, &big, with_mark.as_bytes(), text.as_bytes()] {
            assert_eq!(decode(bytes).unwrap(), text);
        }
        for (bytes, expected) in [
            (&little[..9], "error: the patch is not valid UTF-16"),
            // A surrogate without its other half.
            (
                &[0xff, 0xfe, 0x00, 0xd8],
                "error: the patch is not valid UTF-16",
            ),
            (b"{\0}\0", "error: the patch has a NUL byte at byte 1"),
            (b"a\xff", "error: the patch is not UTF-8 at byte 1"),
        ] {
            let error = decode(bytes).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert!(error.hint().is_some());
        }
    }
}
